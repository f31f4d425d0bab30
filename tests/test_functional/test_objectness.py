"""Objectness maps against a loop over pixels and proposals."""

import numpy as np
import pytest

from mmwsl.functional import box_objectness, min_max_normalize, region_objectness, rle_objectness

SHAPE = (7, 11)


def naive(covers, scores, shape):
    """Compute the definition: the mean score of the proposals with ``covers(proposal, row, column)``."""
    result = np.zeros(shape)
    for row in range(shape[0]):
        for column in range(shape[1]):
            covering = [score for index, score in enumerate(scores) if covers(index, row, column)]
            result[row, column] = sum(covering) / len(covering) if covering else 0
    return result


def random_masks(rng, count=9):
    masks = rng.random((count, *SHAPE)) < 0.4
    masks[2] = False
    return masks, rng.random(count)


@pytest.mark.parametrize('seed', range(4))
def test_boxes_with_fractions_and_parts_outside(seed):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-4, 15, (30, 2, 2))
    # Borders exactly through pixel centers and pixel edges.
    corners[:10] = np.round(corners[:10] * 2) / 2
    boxes = np.concatenate([corners.min(1), corners.max(1)], axis=1)
    scores = rng.random(30)

    def covers(index, row, column):
        x1, y1, x2, y2 = boxes[index]
        return x1 <= column + 0.5 < x2 and y1 <= row + 0.5 < y2

    expected = naive(covers, scores, SHAPE)
    result = box_objectness(boxes, scores, SHAPE)
    np.testing.assert_allclose(result, expected, atol=1e-6)
    assert result.dtype == np.float32 and result.shape == SHAPE


def test_pixels_without_a_box_are_exactly_zero():
    boxes, scores = np.random.default_rng(0).uniform(0, 5, (200, 2)), np.random.default_rng(1).random(200)
    boxes = np.concatenate([boxes, boxes + 2], axis=1)
    result = box_objectness(boxes, scores, SHAPE)
    assert not result[:, 8:].any() and (result[2:4, 2:4] > 0).all()


def test_a_box_covers_whole_pixels_half_open():
    result = box_objectness([[1, 2, 4, 3]], [0.5], (4, 6))
    expected = np.zeros((4, 6))
    expected[2, 1:4] = 0.5
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(
    'box', [[2.6, 0, 3.4, 9], [20, 20, 30, 30], [-9, -9, -1, -1], [3, 3, 3, 5], [5, 0, 2, 7], [1e300, 0, 1e301, 5]]
)
def test_a_box_without_pixel_center_has_no_effect(box):
    np.testing.assert_array_equal(
        box_objectness([box, [0, 0, 3, 3]], [1, 0.25], SHAPE), box_objectness([[0, 0, 3, 3]], [0.25], SHAPE)
    )


def test_many_boxes_lose_no_precision():
    # 20,000 boxes of score 0.7 on the left, one of score 0.25 on the right: cumulative sums must not leak.
    boxes = np.tile([0.0, 0.0, 5.0, 7.0], (20000, 1)) + np.random.default_rng(0).uniform(-0.4, 0.4, (20000, 4))
    result = box_objectness(np.vstack([boxes, [8, 0, 11, 7]]), np.append(np.full(20000, 0.7), 0.25), SHAPE)
    np.testing.assert_allclose(result[:, :5], 0.7, atol=1e-6)
    np.testing.assert_allclose(result[:, 8:], 0.25, atol=1e-6)
    assert not result[:, 6:8].any()


def test_no_proposals_is_zero():
    assert not box_objectness(np.zeros((0, 4)), [], SHAPE).any()
    assert not rle_objectness([], [], SHAPE).any()
    assert not region_objectness(np.zeros((0, 3), bool), [], np.zeros(SHAPE, int)).any()


@pytest.mark.parametrize('seed', range(3))
def test_runs(seed):
    masks, scores = random_masks(np.random.default_rng(seed))
    runs = []
    for mask in masks:
        line = np.append(mask.T.reshape(-1), False)
        starts = [i for i in range(line.size) if line[i] and (i == 0 or not line[i - 1])]
        runs.append(np.array([(start, start + int(np.argmin(line[start:]))) for start in starts]).reshape(-1, 2))
    expected = naive(lambda index, row, column: masks[index, row, column], scores, SHAPE)
    np.testing.assert_allclose(rle_objectness(runs, scores, SHAPE), expected, atol=1e-6)


def test_regions():
    rng = np.random.default_rng(0)
    superpixels = rng.integers(0, 5, SHAPE)
    members, scores = rng.random((6, 5)) < 0.4, rng.random(6)
    members[:, 4] = False
    expected = naive(lambda index, row, column: members[index, superpixels[row, column]], scores, SHAPE)
    result = region_objectness(members, scores, superpixels)
    np.testing.assert_allclose(result, expected, atol=1e-6)
    assert not result[superpixels == 4].any() and result.any()


def test_min_max_normalize():
    np.testing.assert_allclose(min_max_normalize([3, -1, 1]), [1, 0, 0.5])
    np.testing.assert_array_equal(min_max_normalize([7, 7]), [1, 1])
    assert min_max_normalize([]).shape == (0,)
    np.testing.assert_array_equal(min_max_normalize([-1.7e308, 1.7e308]), [0, 1])


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: box_objectness(np.zeros((2, 4)), [1], SHAPE), r'`boxes` must be \(1, 4\).*got shape \(2, 4\)'),
        (lambda: box_objectness(np.zeros((1, 5)), [1], SHAPE), r'got shape \(1, 5\)'),
        (lambda: box_objectness([[0, 0, np.nan, 1]], [1], SHAPE), '`boxes` must be finite'),
        (lambda: box_objectness(np.zeros((1, 4)), [1.5], SHAPE), r'must be in \[0, 1\], got 1.5.*min_max_normalize'),
        (lambda: box_objectness(np.zeros((2, 4)), [0, np.nan], SHAPE), 'finite numbers, got nan as number 1 of 2'),
        (lambda: box_objectness(np.zeros((1, 4)), [[1]], SHAPE), r'must be \(n,\), got shape \(1, 1\)'),
        (lambda: rle_objectness([], [1], SHAPE), 'one entry for each of the 1 `scores`, got 0'),
        (lambda: rle_objectness([np.array([[70, 78]])], [1], SHAPE), '77 pixels of an image of 7 x 11, got.*70 to 78'),
        (lambda: region_objectness(np.ones((1, 2), bool), [1], np.full(SHAPE, 2)), '0 to 1, the columns.*got 2 to 2'),
        (lambda: region_objectness(np.ones((1, 2)), [1], np.zeros(SHAPE, int)), 'must be boolean'),
        (lambda: min_max_normalize([0, np.inf]), 'finite numbers, got inf'),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
