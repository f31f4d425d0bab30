"""Prompts of masks: grids, peaks and boxes by hand, stability of masks."""

import numpy as np
import pytest
import torch
from skimage.measure import label, regionprops

from mmwsl.functional import component_boxes, map_peaks, mask_stability, point_grid


def test_a_grid_has_the_centers_of_equal_parts():
    assert point_grid(2, (40, 80)).tolist() == [[20, 10], [60, 10], [20, 30], [60, 30]]
    assert point_grid(32, (1024, 1024))[0].tolist() == [16, 16]
    with pytest.raises(ValueError, match='`count` must be at least 1, got 0'):
        point_grid(0, (4, 4))


def test_peaks_are_local_maxima_above_a_fraction_of_the_highest():
    values = torch.zeros(20, 30)
    values[3, 4], values[3, 7], values[15, 20], values[10, 10] = 1.0, 0.9, 0.8, 0.4
    assert map_peaks(values, 0.5, 2).tolist() == [[4, 3], [7, 3], [20, 15]]
    assert map_peaks(values, 0.5, 3).tolist() == [[4, 3], [20, 15]]  # a higher value within three pixels
    assert map_peaks(values, 0.3, 2).tolist() == [[4, 3], [7, 3], [20, 15], [10, 10]]
    assert map_peaks(values, 0.5, 2, max_points=1).tolist() == [[4, 3]]
    assert map_peaks(values.bfloat16(), 0.5, 2).tolist() == map_peaks(values, 0.5, 2).tolist()
    assert map_peaks(torch.zeros(4, 5)).shape == (0, 2) and map_peaks(-torch.ones(4, 5)).shape == (0, 2)


def test_a_plateau_has_one_peak():
    values = torch.zeros(20, 30)
    values[5:8, 5:9] = 1
    assert map_peaks(values, 0.5, 4).tolist() == [[5, 5]]
    assert map_peaks(torch.ones(6, 6), 0.5, 8).tolist() == [[0, 0]]


@pytest.mark.parametrize('seed', range(3))
def test_boxes_are_those_of_another_implementation(seed):
    values = torch.from_numpy(np.random.default_rng(seed).random((14, 17)).astype(np.float32))
    components = label((values > 0.6 * values.max()).numpy(), connectivity=1)
    expected = sorted(
        (left, top, right, bottom) for top, left, bottom, right in (part.bbox for part in regionprops(components))
    )
    assert sorted(map(tuple, component_boxes(values, 0.6, 1000).tolist())) == expected
    assert component_boxes(torch.zeros(3, 4)).shape == (0, 4)
    # one large component among many of a pixel
    speckled = torch.zeros(9, 9)
    speckled[::2, ::2] = 1
    speckled[4:6, 2:5] = 1
    assert len(component_boxes(speckled)) == 20
    assert component_boxes(speckled, max_boxes=1).tolist() == [[2, 4, 5, 7]]
    assert len(component_boxes(speckled, max_boxes=100)) == 25 - 4 + 1
    with pytest.raises(ValueError, match='`max_boxes` must be at least 1, got 0'):
        component_boxes(speckled, max_boxes=0)


def test_stability_is_the_iou_of_the_masks_at_two_thresholds():
    logits = torch.tensor([[[2.0, 0.5, -0.5, -2.0]], [[9.0, 9.0, -9.0, -9.0]], [[-5.0] * 4]])
    assert mask_stability(logits).tolist() == [pytest.approx(1 / 3), 1, 0]
    assert mask_stability(logits, 0.2).tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    'arguments, words',
    [((torch.zeros(1, 2, 3),), r'`values` must be \(H, W\)'), ((torch.zeros(2, 3), 1.0), r'`threshold` must be in')],
)
def test_wrong_arguments_are_one_line(arguments, words):
    for function in (map_peaks, component_boxes):
        with pytest.raises(ValueError, match=words):
            function(*arguments)
    with pytest.raises(ValueError, match='`distance` and `max_points` must be at least 1'):
        map_peaks(torch.zeros(2, 3), distance=0)
