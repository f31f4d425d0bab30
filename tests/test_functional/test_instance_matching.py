"""Instance AP and ABO against definitions in plain loops."""

import numpy as np
import pytest
import torch

from mmwsl.functional import average_best_overlap, average_precision, mask_ious, match_instances


def test_ious_are_those_of_sets():
    masks = torch.rand(5, 7, 9, generator=torch.Generator().manual_seed(0)) > 0.6
    masks[4] = False
    ious = mask_ious(masks[:3], masks[2:])
    for i, first in enumerate(masks[:3]):
        for j, second in enumerate(masks[2:]):
            a, b = (set(map(tuple, mask.nonzero().tolist())) for mask in (first, second))
            assert ious[i, j] == len(a & b) / len(a | b)
    assert mask_ious(masks[4:], masks[4:]).item() == 0
    assert mask_ious(masks[:0], masks).shape == (0, 5)
    with pytest.raises(ValueError, match='of one size'):
        mask_ious(masks, masks[:, :6])


def match_by_loops(ious, scores, threshold):
    taken, correct = set(), [False] * len(scores)
    for index in sorted(range(len(scores)), key=lambda k: -scores[k]):
        if not ious.shape[1]:
            continue
        best = max(range(ious.shape[1]), key=lambda g: ious[index, g])
        if ious[index, best] > threshold and best not in taken:
            taken.add(best)
            correct[index] = True
    return correct


@pytest.mark.parametrize('seed', range(20))
def test_matching_is_that_of_loops(seed):
    rng = np.random.default_rng(seed)
    ious = rng.integers(0, 11, (rng.integers(0, 9), rng.integers(0, 5))) / 10
    scores = rng.integers(0, 4, len(ious)) / 4
    for threshold in (0, 0.3, 0.5):
        assert match_instances(ious, scores, threshold).tolist() == match_by_loops(ious, scores, threshold)


def test_each_ground_truth_is_matched_once_and_by_the_best_score():
    assert match_instances(np.array([[0.9], [0.6]]), np.array([0.2, 0.8])).tolist() == [False, True]
    # Unlike COCO: the second prediction does not get the ground truth that is still free.
    assert match_instances(np.array([[0.9, 0.0], [0.8, 0.7]]), np.array([0.9, 0.8])).tolist() == [True, False]
    assert match_instances(np.array([[0.5]]), np.array([1.0])).tolist() == [False]  # 0.5 is not above 0.5
    with pytest.raises(ValueError, match=r'\(P, G\)'):
        match_instances(np.zeros((2, 1)), np.zeros(3))
    with pytest.raises(ValueError, match=r'`threshold` must be in \[0, 1\), got 1'):
        match_instances(np.zeros((2, 1)), np.zeros(2), 1)


def all_points(scores, labels, positives):
    """VOC's development kit: areas below the monotone curve, between its steps."""
    order = np.argsort(-scores)
    hits = np.cumsum(labels[order])
    recall = [0, *(hits / positives), 1]
    precision = [0, *(hits / np.arange(1, len(hits) + 1)), 0]
    for index in range(len(precision) - 2, -1, -1):
        precision[index] = max(precision[index], precision[index + 1])
    return sum((recall[k + 1] - recall[k]) * precision[k + 1] for k in range(len(recall) - 1))


@pytest.mark.parametrize('seed', range(10))
def test_monotone_precision_is_that_of_vocs_development_kit(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 30)
    scores = rng.permutation(30) / 30
    positives = int(labels.sum()) + seed
    value = average_precision(scores, labels, positives, variant='all_points')
    assert value == pytest.approx(all_points(scores, labels, positives))
    assert value > average_precision(scores, labels, positives)


def test_average_best_overlap_is_the_mean_over_ground_truths():
    ious = [np.array([[0.2, 0.7], [0.4, 0.1]]), np.zeros((0, 1)), np.zeros((3, 0)), np.array([[0.5]])]
    value = average_best_overlap(ious)
    assert value == pytest.approx((0.4 + 0.7 + 0 + 0.5) / 4)
    assert average_best_overlap([np.vstack([ious[0], [[0.3, 0.0]]]), *ious[1:]]) == value  # never lower, here equal
    assert np.isnan(average_best_overlap([np.zeros((4, 0))]))
