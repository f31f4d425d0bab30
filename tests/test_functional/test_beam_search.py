"""Beam search over boxes."""

import itertools

import pytest
import torch

from mmwsl.functional import beam_search, box_tent, split_boxes

WHOLE = torch.tensor([0, 0, 8, 6])


def sums(values):
    """Score boxes by the sum of the values inside."""
    return lambda boxes: torch.stack([values[y1:y2, x1:x2].sum() for x1, y1, x2, y2 in boxes.tolist()])


def test_boxes_are_cut_to_halves():
    expected = {(0, 0, 4, 6), (4, 0, 8, 6), (0, 0, 8, 3), (0, 3, 8, 6)}
    assert {*map(tuple, split_boxes(WHOLE[None]).tolist())} == expected
    # Overlapping parts, and a side that rounds up to itself loses a cell.
    assert {*map(tuple, split_boxes(torch.tensor([[1, 1, 5, 3]]), 0.75).tolist())} == {
        (1, 1, 4, 3),
        (2, 1, 5, 3),
        (1, 1, 5, 2),
        (1, 2, 5, 3),
    }
    assert split_boxes(torch.tensor([[2, 3, 3, 4]])).shape == (0, 4)
    twice = torch.tensor([[0, 0, 4, 6], [0, 0, 8, 3]])
    assert len(split_boxes(twice)) == 7  # (0, 0, 4, 3) is a half of both


@pytest.mark.parametrize('cell', [(0, 0), (7, 5), (3, 2), (4, 5)])
@pytest.mark.parametrize('width', [1, 3])
def test_the_search_ends_at_the_only_cell_that_scores(cell, width):
    values = torch.zeros(6, 8)
    values[cell[1], cell[0]] = 2.0
    box, score = beam_search(sums(values), WHOLE, width, 20)
    assert box.tolist() == [cell[0], cell[1], cell[0] + 1, cell[1] + 1] and score == 2


def test_one_level_without_a_limit_is_exhaustive():
    values = torch.rand(6, 8, generator=torch.Generator().manual_seed(0)) - 0.5
    score = sums(values)
    boxes = torch.cat([WHOLE[None], split_boxes(WHOLE[None])])
    box, found = beam_search(score, WHOLE, 1000, 1)
    assert found == pytest.approx(float(score(boxes).max())) and box.tolist() == boxes[score(boxes).argmax()].tolist()


def test_width_one_is_a_greedy_descent_and_a_wider_beam_sees_more():
    generator = torch.Generator().manual_seed(1)
    better = 0
    for _ in range(50):
        score = sums(torch.rand(6, 8, generator=generator) - 0.6)
        box, value = WHOLE, float(score(WHOLE[None]))
        while len(parts := split_boxes(box[None])) and float(score(parts).max()) >= value:
            box = parts[score(parts).argmax()]
            value = float(score(box[None]))
        greedy = beam_search(score, WHOLE, 1, 100)
        assert greedy[0].tolist() == box.tolist() and greedy[1] == pytest.approx(value)
        wide = beam_search(score, WHOLE, 1000, 100)[1]
        assert wide >= value - 1e-6
        better += wide > value + 1e-6
    assert better


def test_the_search_keeps_the_whole_image_if_no_part_is_as_good():
    box, score = beam_search(sums(torch.ones(6, 8)), WHOLE, 3, 8)
    assert box.tolist() == WHOLE.tolist() and score == 48
    assert beam_search(sums(torch.zeros(6, 8)), WHOLE, 1, 0)[0].tolist() == WHOLE.tolist()
    assert beam_search(lambda boxes: torch.full((len(boxes),), torch.nan), WHOLE)[0].tolist() == WHOLE.tolist()


def test_the_tent_is_one_at_the_center_and_half_at_the_edges():
    tent = box_tent(torch.tensor([2, 1, 7, 4]), 6, 10)
    assert tent[2, 4] == tent.max() == 1
    for y, x in itertools.product(range(6), range(10)):
        inside = 2 <= x < 7 and 1 <= y < 4
        assert (tent[y, x] > 0.5) == inside
        expected = max(0, 1 - max(abs(x + 0.5 - 4.5) / 5, abs(y + 0.5 - 2.5) / 3))
        assert tent[y, x] == pytest.approx(expected)
