"""Simple images first."""

import warnings

import pytest

from mmwsl.datasets import split_by_labels

INFOS = [
    dict(img_path='a', img_label=[3]),
    dict(img_path='b', img_label=[1, 4], unknown_label=[]),
    dict(img_path='c', img_label=[]),
    dict(img_path='d', img_label=[2], unknown_label=[5]),
]


@pytest.mark.parametrize(('limit', 'simple'), [(0, 'c'), (1, 'ac'), (2, 'abcd')])
def test_each_image_is_simple_or_complex(limit, simple):
    found = [''.join(info['img_path'] for info in part) for part in split_by_labels(INFOS, limit)]
    assert found == [simple, ''.join(name for name in 'abcd' if name not in simple)]


def test_wrong_arguments():
    with pytest.raises(ValueError, match='`max_labels` must be at least 0, got -1'):
        split_by_labels(INFOS, -1)
    with pytest.raises(ValueError, match="image 'x' must have image-level labels"):
        split_by_labels([dict(img_path='x')])


@pytest.mark.parametrize(
    ('filter_cfg', 'names'), [(dict(max_labels=1), 'bd'), (dict(min_labels=2), 'ac'), (None, 'abcd')]
)
def test_a_dataset_has_the_simple_or_the_complex_images(build, labeled, by_name, filter_cfg, names):
    """a: dog, cat; b: none; c: person, unknown horse; d: one class, as the unknown bus is not among the classes."""
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', 'no image of')
        dataset = build(
            'VOCWeakDataset',
            data_root=str(labeled),
            label_file='labels.csv',
            data_prefix=dict(img_path='images'),
            metainfo=dict(classes=('background', 'car', 'cat', 'dog', 'horse', 'person')),
            filter_cfg=filter_cfg,
        )
    assert ''.join(by_name(dataset)) == names


def test_a_dataset_without_an_image_left_is_an_error(build, labeled):
    settings = dict(data_root=str(labeled), label_file='labels.csv', data_prefix=dict(img_path='images'))
    with pytest.raises(ValueError, match=r'`filter_cfg` must leave an image, got .*5'):
        build('VOCWeakDataset', **settings, filter_cfg=dict(min_labels=5))
