"""Boundary F-score: definition by plain loops, limits, and ignored pixels."""

import math

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from skimage.segmentation import find_boundaries

from mmwsl.evaluation import BoundaryFMetric
from mmwsl.evaluation.metrics.boundary_f_metric import boundary_f, mask_boundary

CLASSES = ('background', 'cat', 'dog')


def _edge(mask, k):
    """Return the pixels of class k that have a 4-neighbor of another class in the image."""
    height, width = mask.shape
    return [
        (y, x)
        for y in range(height)
        for x in range(width)
        if mask[y, x] == k
        and any(
            0 <= v < height and 0 <= u < width and mask[v, u] != k
            for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1))
        )
    ]


def _loops(predicted, ground_truth, k, radius):
    found, expected = _edge(predicted, k), _edge(ground_truth, k)

    def close(points, others):
        return [any(math.dist(a, b) <= radius for b in others) for a in points]

    # an incorrect pixel does not count where the ground truth is ignored
    correct = [
        hit for point, hit in zip(found, close(found, expected), strict=True) if hit or ground_truth[point] != 255
    ]
    recalled = close(expected, found)
    if not correct and not expected:
        return None
    if not any(correct):
        return 0
    p, r = sum(correct) / len(correct), sum(recalled) / len(recalled)
    return 2 * p * r / (p + r)


def _blobs(rng, ignored):
    mask = np.zeros((24, 30), int)
    for k in rng.permutation([1, 1, 2, 2]):
        top, left = rng.integers(0, (18, 22))
        mask[top : top + rng.integers(2, 12), left : left + rng.integers(2, 12)] = k
    if ignored:
        top, left = rng.integers(0, (18, 22))
        mask[top : top + 6, left : left + 8] = 255
    return mask


def _evaluate(pairs, tolerance):
    metric = BoundaryFMetric(tolerance)
    metric.dataset_meta = dict(classes=CLASSES)
    evaluator = Evaluator(metric)
    for predicted, ground_truth in pairs:
        evaluator.process(
            [
                SegDataSample(
                    pred_sem_seg=PixelData(data=torch.tensor(predicted)[None]),
                    gt_sem_seg=PixelData(data=torch.tensor(ground_truth)[None]),
                )
            ]
        )
    return evaluator.evaluate(len(pairs))['mBoundaryF']


@pytest.mark.parametrize('tolerance', [0.0075, 0.03, 0.08])
def test_the_metric_equals_its_definition(tolerance):
    rng = np.random.default_rng(0)
    pairs = []
    for _ in range(6):
        ground_truth = _blobs(rng, ignored=True)
        predicted = np.where(ground_truth == 255, 0, np.roll(ground_truth, rng.integers(0, 3, 2), (0, 1)))
        predicted[predicted == 255] = 2
        pairs.append((predicted, ground_truth))
    pairs.append((np.full((24, 30), 0), np.full((24, 30), 0)))
    pairs.append((_blobs(rng, ignored=False), np.full((24, 30), 0)))
    radius = tolerance * math.hypot(24, 30)
    means = []
    for k in range(3):
        scores = [score for pair in pairs if (score := _loops(*pair, k, radius)) is not None]
        means.append(sum(scores) / len(scores))
    expected = 100 * sum(means) / 3
    assert 5 < expected < 95
    assert _evaluate(pairs, tolerance) == pytest.approx(expected, abs=0.006)


def test_the_boundary_is_the_inner_boundary_of_scikit_image():
    rng = np.random.default_rng(0)
    masks = [_blobs(rng, ignored=True) == k for k in range(3)] + [rng.random((9, 7)) > 0.5, np.ones((5, 6), bool)]
    for mask in masks:
        np.testing.assert_array_equal(mask_boundary(mask), find_boundaries(mask, connectivity=1, mode='inner'))


@pytest.mark.parametrize('radius', [1, 2, math.sqrt(2), math.sqrt(5)])
def test_the_radius_is_inclusive_and_round(radius):
    """A single pixel is correct up to the radius from another pixel, and not beyond."""
    for y in range(-3, 4):
        for x in range(-3, 4):
            predicted, ground_truth = np.zeros((2, 9, 9), bool)
            predicted[4 + y, 4 + x] = ground_truth[4, 4] = True
            assert boundary_f(predicted, ground_truth, np.zeros((9, 9), bool), radius) == (
                math.hypot(y, x) <= radius + 1e-9
            )


def test_a_perfect_mask_and_a_larger_mask():
    ground_truth = np.zeros((60, 80), int)
    ground_truth[20:40, 20:50] = 1
    larger = np.zeros_like(ground_truth)
    larger[18:42, 18:52] = 1
    assert _evaluate([(ground_truth, ground_truth)], 0.0075) == 100
    # the diagonal is 100 pixels: nothing is correct within 1 pixel, everything within 3
    assert _evaluate([(larger, ground_truth)], 0.01) == 0
    assert _evaluate([(larger, ground_truth)], 0.03) == 100


def test_masks_without_a_boundary():
    full, empty = np.ones((10, 10), bool), np.zeros((10, 10), bool)
    square = empty.copy()
    square[3:6, 3:6] = True
    assert np.isnan(boundary_f(full, full, empty, 2)) and np.isnan(boundary_f(full, empty, empty, 2))
    assert boundary_f(square, full, empty, 2) == boundary_f(full, square, empty, 2) == 0
    # the only predicted boundary is incorrect and ignored
    assert np.isnan(boundary_f(square, empty, square, 2))
    assert np.isnan(_evaluate([(np.zeros((9, 9), int), np.zeros((9, 9), int))], 0.1))


def test_ignored_contours_as_in_voc_do_not_lower_the_score():
    ground_truth = np.zeros((60, 80), int)
    ground_truth[18:42, 18:52] = 255
    ground_truth[20:40, 20:50] = 1
    predicted = np.zeros_like(ground_truth)
    predicted[19:41, 19:51] = 1  # in the middle of the contour
    assert _evaluate([(predicted, ground_truth)], 0.02) == 100


@pytest.mark.parametrize('tolerance', [0, -1, 1, 2, float('nan')])
def test_a_tolerance_outside_0_to_1_is_an_error(tolerance):
    with pytest.raises(ValueError, match=rf'`tolerance` must be a fraction .* in \(0, 1\), got {tolerance}'):
        BoundaryFMetric(tolerance)


@pytest.mark.parametrize(('field', 'message'), [('pred_sem_seg', 'segmentor'), ('gt_sem_seg', 'LoadAnnotations')])
def test_the_error_for_a_missing_field_names_its_source(field, message):
    mask = PixelData(data=torch.zeros(1, 4, 4, dtype=torch.long))
    sample = SegDataSample(pred_sem_seg=mask, gt_sem_seg=mask)
    delattr(sample, field)
    with pytest.raises(KeyError, match=f'needs the field `{field}`.*{message}'):
        Evaluator(BoundaryFMetric()).process([sample])


def test_masks_of_different_sizes_are_an_error():
    with pytest.raises(ValueError, match=r'must have the size \(4, 4\) of `pred_sem_seg`, got \(4, 5\)'):
        _evaluate([(np.zeros((4, 4), int), np.zeros((4, 5), int))], 0.1)
