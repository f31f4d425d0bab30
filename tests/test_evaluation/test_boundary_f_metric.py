"""The boundary F-score by plain loops, its limits, and void pixels."""

import math

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmwsl.evaluation import BoundaryFMetric
from mmwsl.evaluation.metrics.boundary_f_metric import boundary_f

CLASSES = ('background', 'cat', 'dog')


def _edge(mask, k):
    """Pixels of class k with a 4-neighbor, in the image, of another class."""
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


def _loops(predicted, truth, k, radius):
    found, real = _edge(predicted, k), _edge(truth, k)

    def close(points, others):
        return [any(math.dist(a, b) <= radius for b in others) for a in points]

    # wrong where there is no truth does not count
    right = [hit for point, hit in zip(found, close(found, real), strict=True) if hit or truth[point] != 255]
    back = close(real, found)
    if not right and not real:
        return None
    if not any(right):
        return 0
    p, r = sum(right) / len(right), sum(back) / len(back)
    return 2 * p * r / (p + r)


def _blobs(rng, void):
    mask = np.zeros((24, 30), int)
    for k in rng.permutation([1, 1, 2, 2]):
        top, left = rng.integers(0, (18, 22))
        mask[top : top + rng.integers(2, 12), left : left + rng.integers(2, 12)] = k
    if void:
        top, left = rng.integers(0, (18, 22))
        mask[top : top + 6, left : left + 8] = 255
    return mask


def _evaluate(pairs, tolerance):
    metric = BoundaryFMetric(tolerance)
    metric.dataset_meta = dict(classes=CLASSES)
    evaluator = Evaluator(metric)
    for predicted, truth in pairs:
        evaluator.process(
            [
                SegDataSample(
                    pred_sem_seg=PixelData(data=torch.tensor(predicted)[None]),
                    gt_sem_seg=PixelData(data=torch.tensor(truth)[None]),
                )
            ]
        )
    return evaluator.evaluate(len(pairs))['mBoundaryF']


@pytest.mark.parametrize('tolerance', [0.0075, 0.03, 0.08])
def test_it_is_its_definition(tolerance):
    rng = np.random.default_rng(0)
    pairs = []
    for _ in range(6):
        truth = _blobs(rng, void=True)
        predicted = np.where(truth == 255, 0, np.roll(truth, rng.integers(0, 3, 2), (0, 1)))
        predicted[predicted == 255] = 2
        pairs.append((predicted, truth))
    pairs.append((np.full((24, 30), 0), np.full((24, 30), 0)))
    pairs.append((_blobs(rng, void=False), np.full((24, 30), 0)))
    radius = tolerance * math.hypot(24, 30)
    means = []
    for k in range(3):
        scores = [score for pair in pairs if (score := _loops(*pair, k, radius)) is not None]
        means.append(sum(scores) / len(scores))
    expected = 100 * sum(means) / 3
    assert 5 < expected < 95
    assert _evaluate(pairs, tolerance) == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize('radius', [1, 2, math.sqrt(2), math.sqrt(5)])
def test_the_radius_is_inclusive_and_round(radius):
    """A single pixel against another: right up to the radius and not beyond."""
    for y in range(-3, 4):
        for x in range(-3, 4):
            predicted, truth = np.zeros((2, 9, 9), bool)
            predicted[4 + y, 4 + x] = truth[4, 4] = True
            assert boundary_f(predicted, truth, np.zeros((9, 9), bool), radius) == (math.hypot(y, x) <= radius + 1e-9)


def test_a_perfect_mask_and_one_that_is_only_larger():
    truth = np.zeros((60, 80), int)
    truth[20:40, 20:50] = 1
    larger = np.zeros_like(truth)
    larger[18:42, 18:52] = 1
    assert _evaluate([(truth, truth)], 0.0075) == 100
    # the diagonal is 100 pixels: within 1 pixel nothing is right, within 3 all is
    assert _evaluate([(larger, truth)], 0.01) == 0
    assert _evaluate([(larger, truth)], 0.03) == 100


def test_masks_without_a_boundary():
    full, empty = np.ones((10, 10), bool), np.zeros((10, 10), bool)
    square = empty.copy()
    square[3:6, 3:6] = True
    assert np.isnan(boundary_f(full, full, empty, 2)) and np.isnan(boundary_f(full, empty, empty, 2))
    assert boundary_f(square, full, empty, 2) == boundary_f(full, square, empty, 2) == 0
    # wrong, but where the truth is not known
    assert np.isnan(boundary_f(square, empty, square, 2))
    assert np.isnan(_evaluate([(np.zeros((9, 9), int), np.zeros((9, 9), int))], 0.1))


def test_void_contours_as_in_voc_cost_nothing():
    truth = np.zeros((60, 80), int)
    truth[18:42, 18:52] = 255
    truth[20:40, 20:50] = 1
    predicted = np.zeros_like(truth)
    predicted[19:41, 19:51] = 1  # in the middle of the contour
    assert _evaluate([(predicted, truth)], 0.02) == 100


@pytest.mark.parametrize('tolerance', [0, -1, 1, 2, float('nan')])
def test_bad_tolerance(tolerance):
    with pytest.raises(ValueError, match=rf'`tolerance` must be a share of the diagonal in \(0, 1\), got {tolerance}'):
        BoundaryFMetric(tolerance)


@pytest.mark.parametrize(('field', 'message'), [('pred_sem_seg', 'segmentor'), ('gt_sem_seg', 'LoadAnnotations')])
def test_a_missing_field_names_what_to_add(field, message):
    mask = PixelData(data=torch.zeros(1, 4, 4, dtype=torch.long))
    sample = SegDataSample(pred_sem_seg=mask, gt_sem_seg=mask)
    delattr(sample, field)
    with pytest.raises(KeyError, match=f'needs the field `{field}`.*{message}'):
        Evaluator(BoundaryFMetric()).process([sample])


def test_masks_of_two_sizes():
    with pytest.raises(ValueError, match=r'must have the size of `pred_sem_seg`, got \(4, 5\) for \(4, 4\)'):
        _evaluate([(np.zeros((4, 4), int), np.zeros((4, 5), int))], 0.1)
