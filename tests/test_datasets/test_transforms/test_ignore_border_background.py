"""Background at the border is not believed where the middle, continued outwards, shows an object."""

import numpy as np
import pytest

from mmwsl.datasets.transforms import IgnoreBorderBackground


def _ignored(mask, fraction=0.2, **kwargs):
    return IgnoreBorderBackground(fraction, **kwargs)(dict(gt_seg_map=np.asarray(mask, dtype=np.uint8)))['gt_seg_map']


@pytest.mark.parametrize('shape', [(20, 30), (11, 7), (2, 9), (1, 1)])
@pytest.mark.parametrize('fraction', [0., 0.1, 0.2, 0.49])
def test_each_pixel_is_compared_with_the_nearest_one_of_the_middle(shape, fraction):
    mask = np.random.default_rng(0).choice(np.array([0, 0, 3, 255], dtype=np.uint8), shape)
    expected = mask.copy()
    low = [min(round(fraction * side), (side - 1) // 2) for side in shape]
    for row, column in np.ndindex(shape):
        nearest = mask[min(max(row, low[0]), shape[0] - 1 - low[0]), min(max(column, low[1]), shape[1] - 1 - low[1])]
        if mask[row, column] == 0 and nearest != 0:
            expected[row, column] = 255
    result = _ignored(mask, fraction)
    assert result.dtype == np.uint8 and (result == expected).all()
    assert fraction or (result == mask).all()


def test_what_the_border_cuts_off_is_left_out_and_all_else_stays():
    mask = np.zeros((10, 10), np.uint8)
    mask[4:8, 4:6] = 2  # an object that ends two pixels before the lower border
    mask[0, 9] = 1  # one in the corner
    mask[5, 1] = 255
    expected = mask.copy()
    expected[8:, 4:6] = 255
    assert (_ignored(mask) == expected).all()


def test_a_picture_without_objects_stays_as_it_is():
    assert not _ignored(np.zeros((12, 8))).any()


def test_the_mask_given_is_not_changed_in_place():
    mask = np.zeros((10, 10), np.uint8)
    mask[2:8, 2:8] = 1
    before = mask.copy()
    assert (_ignored(mask, ignore_index=9) == 9).any() and (mask == before).all()


@pytest.mark.parametrize('fraction', [-0.1, 0.5, float('nan')])
def test_fractions_out_of_range_are_refused(fraction):
    with pytest.raises(ValueError, match='`fraction` must lie in'):
        IgnoreBorderBackground(fraction)


def test_a_picture_without_a_mask_is_an_error():
    with pytest.raises(ValueError, match="'one.jpg' has no mask .* after LoadAnnotations"):
        IgnoreBorderBackground()(dict(img_path='one.jpg'))
