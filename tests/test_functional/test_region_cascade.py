"""Boxes of locations, their selection, training pairs and rendered boxes."""

import pytest
import torch

from mmwsl.functional import (
    box_iou,
    box_peak_map,
    location_boxes,
    sample_training_pairs,
    select_class_boxes,
)
from tests.device_reads import CountReads


def test_the_box_of_a_location_is_a_window_around_its_center():
    boxes = location_boxes((2, 4), (0.3, 0.125)).view(2, 4, 4)
    # location (1, 2) of 2 x 4: center (0.75, 0.625) of the height and the width
    torch.testing.assert_close(boxes[1, 2], torch.tensor([0.5625, 0.6, 0.6875, 0.9]))
    torch.testing.assert_close(boxes[0, 0], torch.tensor([0.0625, 0.1, 0.1875, 0.4]))
    # cut at the borders
    wide = location_boxes((2, 4), (0.6, 2.0)).view(2, 4, 4)
    torch.testing.assert_close(wide[0, 3], torch.tensor([0.0, 0.0, 1.0, 0.55]))


def test_selection_is_by_class_and_threshold():
    torch.manual_seed(0)
    probs, boxes = torch.rand(3, 30), location_boxes((5, 6), (0.4, 0.4))
    classes, places = select_class_boxes(probs, boxes)
    assert len(classes) == 90  # threshold 0 and no limit: every location of every class
    classes, places = select_class_boxes(probs, boxes, threshold=0.7)
    assert {*zip(classes.tolist(), places.tolist(), strict=True)} == {(*i,) for i in (probs > 0.7).nonzero().tolist()}
    classes, places = select_class_boxes(probs, boxes, threshold=0.2, max_boxes=4, max_overlap=0.3)
    assert classes.tolist() == sorted(classes.tolist()) and classes.bincount().max() <= 4
    for index in range(3):
        own = places[classes == index]
        scores = probs[index, own]
        assert (scores.diff() <= 0).all() and scores[0] == probs[index].max() and (scores > 0.2).all()
        assert (box_iou(boxes[own], boxes[own]).fill_diagonal_(0) <= 0.3).all()
    assert len(select_class_boxes(probs, boxes, threshold=1.0)[0]) == 0


def test_selection_reads_only_the_candidates_of_each_class():
    with CountReads() as counter:
        select_class_boxes(torch.rand(3, 30), location_boxes((5, 6), (0.4, 0.4)))
    assert +counter.found == {'nonzero': 3}


@pytest.mark.parametrize('max_pairs', [2, 9, 20, 1000])
def test_pairs_are_half_positive_and_half_hard_negative(max_pairs):
    torch.manual_seed(0)
    probs = torch.rand(8, 5)
    labels = torch.randint(-1, 2, (8, 5))
    (images, classes), targets = sample_training_pairs(probs, labels, max_pairs)
    count = min(max_pairs // 2, int((labels == 1).sum()), int((labels == 0).sum()))
    assert targets.tolist() == [1] * count + [0] * count
    # a negative pair is never a class of the image, and an unknown class is no pair
    assert torch.equal(labels[images, classes], targets.long())
    assert len({*zip(images.tolist(), classes.tolist(), strict=True)}) == 2 * count
    hard = probs[images, classes][count:]
    torch.testing.assert_close(hard, probs[labels == 0].sort(descending=True).values[:count])


def test_positive_pairs_are_drawn_and_hard_ones_are_not():
    probs, labels = torch.rand(30, 2), torch.tensor([1, 0]).repeat(30, 1)
    drawn = [
        sample_training_pairs(probs, labels, 4, torch.Generator().manual_seed(seed))[0].T.tolist() for seed in (0, 0, 1)
    ]
    assert drawn[0] == drawn[1] != drawn[2] and drawn[0][2:] == drawn[2][2:]


def test_pairs_of_images_without_labels_are_none():
    (images, _), targets = sample_training_pairs(torch.rand(2, 3), torch.full((2, 3), -1), 8)
    assert len(images) == len(targets) == 0
    with pytest.raises(ValueError, match='`max_pairs` must be at least 2.*got 1'):
        sample_training_pairs(torch.rand(2, 3), torch.ones(2, 3), 1)
    with pytest.raises(ValueError, match=r'must both be \(N, K\), got \(2, 3\) and \(2, 4\)'):
        sample_training_pairs(torch.rand(2, 3), torch.ones(2, 4), 2)


def test_the_peak_of_the_map_is_the_center_of_the_best_box():
    boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.2, 0.1, 0.4, 0.5], [0.5, 0.5, 0.9, 0.7]])
    scores = torch.tensor([0.5, 0.9, 0.8])
    rendered = box_peak_map(scores, boxes, (50, 100))
    row, column = divmod(int(rendered.argmax()), 100)
    assert abs((row + 0.5) / 50 - 0.3) <= 0.5 / 50 + 1e-6 and abs((column + 0.5) / 100 - 0.3) <= 0.5 / 100 + 1e-6
    assert rendered.max() == scores[1]
    # the definition at every pixel
    for y, x in ((0, 0), (24, 50), (30, 70), (15, 22), (49, 99)):
        values = [0.0]
        for score, (left, top, right, bottom) in zip(scores.tolist(), boxes.tolist(), strict=True):
            u, v = ((x + 0.5) / 100 - left) / (right - left), ((y + 0.5) / 50 - top) / (bottom - top)
            if 0 <= u <= 1 and 0 <= v <= 1:
                apart = abs(u - 0.5) - 0.005 / (right - left), abs(v - 0.5) - 0.01 / (bottom - top)
                values.append(score * (1 - max(0, *apart)))
        assert rendered[y, x].item() == pytest.approx(max(values), abs=1e-5)
    assert not box_peak_map(scores[1:], boxes[1:], (50, 100))[0].any()
    assert not box_peak_map(scores[:0], boxes[:0], (4, 5)).any()


def test_a_box_smaller_than_a_location_has_one():
    rendered = box_peak_map(torch.tensor([0.7]), torch.tensor([[0.3, 0.4, 0.31, 0.41]]), (4, 4))
    assert rendered[1, 1] == torch.tensor(0.7) and rendered.count_nonzero() == 1
