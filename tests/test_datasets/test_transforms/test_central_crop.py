"""The central patch of Pinheiro & Collobert."""

import numpy as np
import pytest

from mmwsl.datasets.transforms import RandomCentralCrop


def coordinates(height, width):
    """An image whose pixels encode their position, and a mask equal to one channel."""
    rows, columns = np.mgrid[:height, :width].astype(np.uint8)
    return dict(img=np.stack([rows, columns, rows], axis=-1), gt_seg_map=rows.copy(), seg_fields=['gt_seg_map'])


@pytest.mark.parametrize(('jitter', 'low', 'high'), [(0.0, 20, 20), (0.5, 10, 30), (1.0, 0, 40)])
def test_range_of_the_offset(jitter, low, high):
    np.random.seed(0)
    crop = RandomCentralCrop(crop_size=(20, 30), jitter=jitter)
    tops, lefts = [], []
    for _ in range(400):
        results = crop(coordinates(60, 70))
        assert results['img'].shape == (20, 30, 3) and results['img_shape'] == (20, 30)
        assert np.array_equal(results['img'][..., 0], results['gt_seg_map'])
        tops.append(results['img'][0, 0, 0])
        lefts.append(results['img'][0, 0, 1])
    for offsets in (tops, lefts):
        assert (min(offsets), max(offsets)) == (low, high)


@pytest.mark.parametrize(('shape', 'scale'), [((10, 40), 2), ((40, 10), 2), ((10, 10), 2), ((15, 30), 4 / 3)])
def test_small_image_is_enlarged_until_the_short_side_fits(shape, scale):
    results = RandomCentralCrop(crop_size=20, jitter=0)(coordinates(*shape))
    assert results['img'].shape == (20, 20, 3) and results['gt_seg_map'].shape == (20, 20)
    assert results['scale_factor'] == pytest.approx((scale, scale))
    # the mask is resized without mixing ids
    assert set(np.unique(results['gt_seg_map'])) <= set(range(shape[0]))


def test_large_image_keeps_its_scale_and_needs_no_mask():
    results = RandomCentralCrop(crop_size=20, jitter=0)(dict(img=coordinates(40, 40)['img']))
    assert 'scale_factor' not in results and results['img'][0, 0].tolist() == [10, 10, 10]


@pytest.mark.parametrize(
    ('settings', 'match'),
    [
        (dict(crop_size=0), r'`crop_size` must be a positive integer or \(height, width\), got 0'),
        (dict(crop_size=(20,)), r'`crop_size` .* got \(20,\)'),
        (dict(crop_size=20, jitter=1.5), r'`jitter` must be in \[0, 1\], got 1.5'),
    ],
)
def test_invalid_settings_are_rejected(settings, match):
    with pytest.raises(ValueError, match=match):
        RandomCentralCrop(**settings)
