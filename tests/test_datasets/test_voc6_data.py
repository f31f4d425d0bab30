"""The six-class subset itself, where MMWSL_DATA_ROOT leads to it."""

from collections import Counter

import numpy as np
import pytest


@pytest.fixture
def voc6(build, data_root):
    """A function that builds a split of voc6."""

    def build_split(split, **settings):
        settings = {**dict(data_prefix=dict(img_path='JPEGImages')), **settings}
        return build(
            'VOC6WeakDataset',
            data_root=str(data_root / 'voc6'),
            label_file='image_labels.csv',
            ann_file=f'ImageSets/Segmentation/{split}.txt',
            **settings,
        )

    return build_split


@pytest.mark.filterwarnings('ignore:no image of')
@pytest.mark.parametrize(('split', 'count'), [('train_aug', 3131), ('train', 437), ('background', 122), ('val', 300)])
def test_counts(voc6, data_root, split, count):
    dataset = voc6(split)
    assert len(dataset) == count
    # the labels counted directly from the file
    rows = dict(line.split(',') for line in (data_root / 'voc6/image_labels.csv').read_text().splitlines())
    names = (data_root / f'voc6/ImageSets/Segmentation/{split}.txt').read_text().split()
    expected = Counter(label for name in names for label in rows[name].split())
    classes = dataset.metainfo['classes']
    assert Counter(classes[label] for index in range(count) for label in dataset.get_cat_ids(index)) == expected
    assert (sum(expected.values()) == 0) == (split == 'background')


def test_images_with_masks_are_excluded_from_the_images_with_labels(voc6):
    labeled = voc6('train_aug', filter_cfg=dict(exclude_file='ImageSets/Segmentation/train.txt'))
    paths = [
        {dataset.get_data_info(index)['img_path'] for index in range(len(dataset))}
        for dataset in (labeled, voc6('train'), voc6('train_aug'))
    ]
    assert len(paths[0]) == 2694 and not paths[0] & paths[1] and paths[0] | paths[1] == paths[2]


def test_masks_hold_the_classes_and_255(voc6):
    dataset = voc6(
        'val',
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug'),
        test_mode=True,
        pipeline=[dict(type='mmwsl.LoadImageAsBGR'), dict(type='LoadAnnotations')],
    )
    seen = set()
    for index in range(0, len(dataset), 10):
        data = dataset[index]
        assert data['gt_seg_map'].shape == data['img'].shape[:2] == data['ori_shape']
        seen |= set(np.unique(data['gt_seg_map']).tolist())
    assert seen == {*range(7), 255}
