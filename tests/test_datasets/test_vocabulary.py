"""Class names to class ids."""

import pytest

from mmwsl.annotations import ImageLabelRecord
from mmwsl.datasets.vocabulary import check_classes, encode

CLASSES = ('background', 'cat', 'dog')
KNOWN = ('cat', 'dog', 'horse')


@pytest.mark.parametrize(
    ('labels', 'unknown', 'expected'),
    [
        (('dog', 'cat'), (), ([1, 2], [])),
        (('horse',), ('dog',), ([], [2])),
        ((), (), ([], [])),
        (('background',), (), ([], [])),
    ],
)
def test_encode(labels, unknown, expected):
    assert encode(ImageLabelRecord('a', labels, unknown), CLASSES, KNOWN) == expected


@pytest.mark.parametrize(
    ('labels', 'unknown', 'match'),
    [
        (('Dog',), (), r"t\.csv:2: image 'a' has the unknown class 'Dog'. Did you mean 'dog'\?"),
        (('hors',), (), r"Did you mean 'horse'"),
        ((), ('zebra',), r"unknown class 'zebra'. Known classes: cat, dog, horse"),
        (('background', 'cat'), (), r"t\.csv:2: image 'a' has the label 'background' and others"),
    ],
)
def test_invalid_labels_are_rejected(labels, unknown, match):
    with pytest.raises(ValueError, match=match):
        encode(ImageLabelRecord('a', labels, unknown, 't.csv:2'), CLASSES, KNOWN)


@pytest.mark.parametrize(
    ('classes', 'match'),
    [
        (None, 'is missing'),
        (('cat', 'background'), r"must start with 'background' \(class 0\), got \['cat', 'background'\]"),
        (('background', 'cat', 'cat'), r"must not repeat a name, got \['cat'\]"),
        (('background', 'catt'), "unknown class 'catt'. Did you mean 'cat'"),
    ],
)
def test_invalid_classes_are_rejected(classes, match):
    with pytest.raises(ValueError, match=match):
        check_classes(classes, ('background', *KNOWN))
