"""Semantic masks of COCO instances, and the command that writes them."""

import json

import numpy as np
import pytest

from mmwsl.annotations import coco_masks, load_coco, read_mask
from mmwsl.apis.coco_masks import main

from .helpers import uncompressed

SHAPE = (6, 9)


def rle(mask):
    return dict(size=list(SHAPE), counts=uncompressed(mask))


def rectangle(top, left, bottom, right):
    mask = np.zeros(SHAPE, bool)
    mask[top:bottom, left:right] = True
    return mask


LARGE, SMALL, CROWD = rectangle(0, 0, 6, 5), rectangle(2, 3, 4, 7), rectangle(3, 0, 6, 9)


@pytest.fixture
def ann_file(tmp_path):
    """Instances with gapped ids of categories, and an image without annotation."""

    def write(**changes):
        content = dict(
            images=[
                dict(id=7, file_name='a/7.jpg', height=6, width=9),
                dict(id=2, file_name='empty.jpg', height=2, width=3),
            ],
            categories=[dict(id=90, name='toothbrush'), dict(id=1, name='person'), dict(id=13, name='stop sign')],
            annotations=[
                dict(id=1, image_id=7, category_id=90, iscrowd=0, segmentation=rle(SMALL)),
                dict(id=2, image_id=7, category_id=1, iscrowd=1, segmentation=rle(CROWD)),
                dict(id=3, image_id=7, category_id=13, iscrowd=0, segmentation=rle(LARGE)),
            ],
        )
        (tmp_path / 'instances.json').write_text(json.dumps(content | changes))
        return tmp_path / 'instances.json'

    return write


def test_small_instances_are_in_front_and_crowds_behind(ann_file):
    (name, mask), (other, empty) = coco_masks(load_coco(ann_file()))
    expected = np.where(SMALL, 3, np.where(LARGE, 2, np.where(CROWD, 255, 0)))  # categories 1, 13, 90 are 1, 2, 3
    np.testing.assert_array_equal(mask, expected)
    assert (name, other) == ('a/7.jpg', 'empty.jpg')
    assert empty.shape == (2, 3) and not empty.any()


def test_the_command_writes_masks_and_keeps_what_it_did_not_make(ann_file, tmp_path, capsys):
    out = tmp_path / 'masks'
    main([str(ann_file()), '--out', str(out)])
    assert f'Masks: {out}' in capsys.readouterr().out
    np.testing.assert_array_equal(read_mask(out / 'a/7.png'), next(iter(coco_masks(load_coco(ann_file()))))[1])
    assert not read_mask(out / 'empty.png').any()
    with pytest.raises(ValueError, match='--out must be a new folder'):
        main([str(ann_file()), '--out', str(out)])
    (out / 'mine.txt').write_text('mine')
    main([str(ann_file()), '--out', str(out), '--overwrite'])
    assert (out / 'mine.txt').read_text() == 'mine'


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (
            dict(images=[dict(id=7, file_name='7.jpg')]),
            r'7.jpg must have a positive `height` and `width`.*got \(None, None\)',
        ),
        (dict(images=[dict(id=7, file_name='../7.jpg', height=6, width=9)]), '`file_name` must be a path below'),
        (dict(images=[dict(id=7, file_name='7.jpg', height=5, width=9)]), r'7.jpg: .*`size` \[5, 9\]'),
        (dict(categories=[dict(id=i, name=str(i)) for i in range(300)]), '`categories` must be at most 254, got 300'),
        (dict(categories=[dict(id=i, name=str(i)) for i in (1, 13, '90', 90)]), 'must be numbers, got text'),
    ],
)
def test_files_that_cannot_be_masks(ann_file, tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        main([str(ann_file(**changes)), '--out', str(tmp_path / 'masks')])
