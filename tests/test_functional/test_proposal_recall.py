"""Overlaps, recall and average best overlap of mask proposals, against sets of pixels."""

import numpy as np
import pytest

from mmwsl.functional import best_overlaps, mask_overlaps, proposal_recall


def random_case(seed):
    rng = np.random.default_rng(seed)
    return rng.random((8, 6, 9)) < 0.5, rng.integers(-1, 4, (6, 9)), rng.random(8)


@pytest.mark.parametrize('seed', range(3))
def test_overlaps_are_those_of_sets_without_ignored_pixels(seed):
    masks, objects, _ = random_case(seed)
    found = mask_overlaps(masks, objects)
    pixels = [{p for p in zip(*np.nonzero(mask), strict=True) if objects[p] >= 0} for mask in masks]
    for number in (1, 2, 3):
        own = set(zip(*np.nonzero(objects == number), strict=True))
        expected = [len(mask & own) / len(mask | own) for mask in pixels]
        np.testing.assert_allclose(found[:, number - 1], expected)
    assert found.shape == (8, 3)


def test_ignored_pixels_change_nothing():
    masks, objects, _ = random_case(0)
    np.testing.assert_array_equal(mask_overlaps(masks | (objects < 0), objects), mask_overlaps(masks, objects))


def test_the_ground_truth_as_proposals_has_recall_and_abo_one():
    objects = random_case(1)[1]
    masks = [objects == number for number in (3, 1, 2)]
    best = best_overlaps(mask_overlaps(masks, objects), np.ones(3), (1, 3, 1000))
    assert (proposal_recall(best, (0.5, 0.7, 1.0))[1:] == 1).all() and (best[1:].mean(-1) == 1).all()
    assert best[0].tolist() == [best[0, 0], best[0, 1], 1]  # the first mask is the third object
    assert best[0, :2].max() < 1


def test_the_best_overlap_is_of_the_highest_scores_and_grows_with_their_number():
    masks, objects, scores = random_case(2)
    overlaps = mask_overlaps(masks, objects)
    best = best_overlaps(overlaps, scores, range(1, 12))
    order = sorted(range(8), key=lambda index: -scores[index])
    for count in range(1, 12):
        np.testing.assert_array_equal(best[count - 1], np.max([overlaps[i] for i in order[:count]], axis=0))
    assert (np.diff(best, axis=0) >= 0).all()


def test_recall_counts_objects_that_reach_the_threshold():
    best = [[0.2, 0.5, 0.7, 0.9], [1.0, 1.0, 0.5, 0.0]]
    np.testing.assert_array_equal(proposal_recall(best, (0.5, 0.7)), [[0.75, 0.5], [0.75, 0.5]])
    assert np.isnan(proposal_recall(np.zeros((2, 0)), (0.5,))).all()


def test_no_proposals_and_no_objects():
    objects = random_case(0)[1]
    assert mask_overlaps([], objects).shape == (0, 3)
    assert best_overlaps(np.zeros((0, 3)), [], (10,)).tolist() == [[0, 0, 0]]
    assert mask_overlaps([objects == 1], np.zeros_like(objects)).shape == (1, 0)


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: mask_overlaps([np.ones((2, 3))], np.ones((2, 3), int)), 'must be boolean .* got float64'),
        (lambda: mask_overlaps([np.ones((3, 2), bool)], np.ones((2, 3), int)), r'shape \(2, 3\).* got bool .*\(3, 2\)'),
        (lambda: best_overlaps(np.ones((2, 3)), [1.0], (1,)), r'got shapes \(2, 3\) and \(1,\)'),
        (lambda: best_overlaps(np.ones((1, 3)), [1.0], (0, 5)), r'`counts` must be positive, got \[0, 5\]'),
    ],
)
def test_invalid_input_is_rejected(call, message):
    with pytest.raises(ValueError, match=message):
        call()
