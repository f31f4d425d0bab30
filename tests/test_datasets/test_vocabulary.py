"""Names to ids."""

import pytest

from mmwsl.annotations import ImageLabelRecord
from mmwsl.datasets.vocabulary import check_classes, encode

CLASSES = ('background', 'cat', 'dog')
KNOWN = ('cat', 'dog', 'horse')


@pytest.mark.parametrize(
    ('tags', 'unknown', 'expected'),
    [
        (('dog', 'cat'), (), ([1, 2], [])),
        (('horse',), ('dog',), ([], [2])),
        ((), (), ([], [])),
        (('background',), (), ([], [])),
    ],
)
def test_encode(tags, unknown, expected):
    assert encode(ImageLabelRecord('a', tags, unknown), CLASSES, KNOWN) == expected


@pytest.mark.parametrize(
    ('tags', 'unknown', 'match'),
    [
        (('Dog',), (), r"t\.csv:2: image 'a' has the unknown class 'Dog': did you mean 'dog'\?"),
        (('hors',), (), r"did you mean 'horse'"),
        ((), ('zebra',), r"unknown class 'zebra': known classes: cat, dog, horse"),
        (('background', 'cat'), (), r"t\.csv:2: image 'a' has the tag 'background' beside others"),
    ],
)
def test_bad_tags(tags, unknown, match):
    with pytest.raises(ValueError, match=match):
        encode(ImageLabelRecord('a', tags, unknown, 't.csv:2'), CLASSES, KNOWN)


@pytest.mark.parametrize(
    ('classes', 'match'),
    [
        (None, 'is missing'),
        (('cat', 'background'), r"must start with 'background', but got \['cat', 'background'\]"),
        (('background', 'cat', 'cat'), r"repeats \['cat'\]"),
        (('background', 'catt'), "unknown class 'catt': did you mean 'cat'"),
    ],
)
def test_bad_classes(classes, match):
    with pytest.raises(ValueError, match=match):
        check_classes(classes, ('background', *KNOWN))
