"""Elastic deformation of an image and its mask."""

import numpy as np
import pytest
from skimage.data import astronaut

from mmwsl.datasets.transforms import RandomElasticDeformation


def sample(size=96):
    image = astronaut()[:size, :size]
    rows, columns = np.mgrid[:size, :size]
    mask = np.where((rows - 40) ** 2 + (columns - 50) ** 2 < 400, 7, 0).astype(np.uint8)
    mask[:10] = 255
    return dict(img=image.copy(), gt_seg_map=mask, seg_fields=['gt_seg_map'])


def test_without_deviation_nothing_moves():
    before, after = sample(), RandomElasticDeformation(std=0.0)(sample())
    assert all(np.array_equal(before[key], after[key]) for key in ('img', 'gt_seg_map'))


def test_labels_contain_no_new_value_and_sizes_stay():
    np.random.seed(0)
    changed = 0
    for _ in range(10):
        after = RandomElasticDeformation(std=10.0)(sample())
        assert set(np.unique(after['gt_seg_map'])) <= {0, 7, 255} and after['gt_seg_map'].dtype == np.uint8
        assert after['img'].shape == (96, 96, 3) and after['img'].dtype == np.uint8
        changed += (after['gt_seg_map'] != sample()['gt_seg_map']).any()
    assert changed == 10


def test_image_and_mask_have_the_same_displacements():
    """An image of two colors and its mask stay the same, up to the interpolated edge."""
    np.random.seed(1)
    mask = sample()['gt_seg_map']
    results = RandomElasticDeformation(std=6.0)(
        dict(
            img=np.repeat(np.where(mask == 7, 200, 0).astype(np.uint8)[..., None], 3, 2),
            gt_seg_map=mask.copy(),
            seg_fields=['gt_seg_map'],
        )
    )
    image = results['img'][..., 0]
    flat = (image == 0) | (image == 200)
    assert flat.mean() > 0.9 and np.array_equal(image[flat] == 200, results['gt_seg_map'][flat] == 7)


def test_displacements_have_the_standard_deviation():
    np.random.seed(2)
    transform = RandomElasticDeformation(std=10.0, points=3)
    vectors = np.stack([transform.draw() for _ in range(500)])
    assert vectors.shape == (500, 2, 3, 3) and abs(vectors.mean()) < 0.5 and 9.7 < vectors.std() < 10.3


def test_a_known_shift_mirrors_the_border():
    transform = RandomElasticDeformation()
    transform.draw = lambda: np.stack([np.full((3, 3), 2.0), np.zeros((3, 3))])
    before, after = sample(), transform(sample())
    assert np.array_equal(after['gt_seg_map'][:-2], before['gt_seg_map'][2:]), 'output row i is input row i + 2'
    assert np.array_equal(after['img'][-2:], before['img'][[-2, -3]]), 'mirrored rows'


@pytest.mark.parametrize(
    ('settings', 'match'),
    [
        (dict(std=-1.0), '`std` must be a non-negative finite number, got -1.0'),
        (dict(points=1), '`points` must be at least 2, got 1'),
    ],
)
def test_invalid_settings(settings, match):
    with pytest.raises(ValueError, match=match):
        RandomElasticDeformation(**settings)
