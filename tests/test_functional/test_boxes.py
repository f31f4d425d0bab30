"""Box proposals, crops and rendered box scores against loops over the definition."""

import numpy as np
import pytest
import torch

from mmwsl.functional import (
    ProposalRule,
    box_iou,
    boxes_to_map,
    crop_and_resize,
    non_maximum_suppression,
    propose_boxes,
    soft_jaccard,
)


def overlap(a, b):
    shared = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def jaccard(prob, box):
    left, top, right, bottom = box
    inside = prob[top:bottom, left:right].sum().item()
    return inside / ((right - left) * (bottom - top) + prob.sum().item() - inside)


def test_soft_jaccard_is_its_definition():
    torch.manual_seed(0)
    probs = torch.rand(3, 6, 9)
    boxes = torch.tensor([[0, 0, 9, 6], [2, 1, 3, 2], [4, 0, 9, 5]])
    expected = [[jaccard(prob, box) for box in boxes.tolist()] for prob in probs]
    torch.testing.assert_close(soft_jaccard(probs, boxes), torch.tensor(expected))


def test_the_box_of_a_certain_object_comes_first():
    probs = torch.zeros(2, 8, 12)
    probs[1, 2:6, 3:6] = 1.0
    assert propose_boxes(probs).tolist()[:2] == [[0, 0, 12, 8], [3, 2, 6, 6]]


def test_proposals_are_greedy_suppression_of_all_windows():
    torch.manual_seed(1)
    probs = torch.rand(2, 7, 5) ** 3
    rule = ProposalRule(sides=(0.3, 0.6, 1.0), max_boxes=5, min_score=0.2, max_overlap=0.4)
    whole = [0, 0, 5, 7]
    windows = [[x, y, x + w, y + h] for h in (2, 4, 7) for w in (2, 3, 5) for y in range(8 - h) for x in range(6 - w)]
    scored = sorted(((max(jaccard(prob, box) for prob in probs), box) for box in windows if box != whole), reverse=True)
    expected = [whole]
    for score, box in scored:
        if len(expected) <= 5 and score > 0.2 and all(overlap(box, other) <= 0.4 for other in expected[1:]):
            expected.append(box)
    assert len(expected) > 2
    assert propose_boxes(probs, rule).tolist() == expected


@pytest.mark.parametrize(
    'probs, rule',
    [
        (torch.rand(3, 1, 1), ProposalRule()),
        (torch.zeros(3, 8, 8), ProposalRule()),
        (torch.full((3, 8, 8), 0.05), ProposalRule()),
        (torch.ones(3, 8, 8), ProposalRule(max_boxes=0)),
        (torch.ones(3, 8, 8), ProposalRule(sides=(1.0,))),
    ],
    ids=['one location', 'no score', 'below the minimum score', 'no boxes requested', 'no shape'],
)
def test_the_whole_image_remains(probs, rule):
    assert propose_boxes(probs, rule).tolist() == [[0, 0, probs.shape[2], probs.shape[1]]]


@pytest.mark.parametrize(
    'settings, match',
    [
        (dict(sides=()), '`sides`'),
        (dict(sides=(0.5, 1.2)), '`sides`.*1.2'),
        (dict(sides=(0.0,)), '`sides`'),
        (dict(max_boxes=-1), '`max_boxes`.*-1'),
        (dict(max_boxes=2.0), '`max_boxes`'),
        (dict(min_score=1.0), '`min_score`'),
        (dict(max_overlap=1.1), '`max_overlap`.*1.1'),
    ],
)
def test_a_bad_rule_is_rejected(settings, match):
    with pytest.raises(ValueError, match=match):
        ProposalRule(**settings)


@pytest.mark.parametrize('shape', [(4, 4), (0, 4, 4), (1, 2, 4, 4)])
def test_a_map_of_another_shape_is_rejected(shape):
    with pytest.raises(ValueError, match='`probs` must be'):
        propose_boxes(torch.zeros(shape))


def test_the_whole_map_as_a_crop_is_the_map():
    maps = torch.randn(2, 3, 6, 6)
    crops = crop_and_resize(maps, torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(2, 1, 4), 6, samples=1)
    torch.testing.assert_close(crops[:, 0], maps)


def test_locations_of_a_crop_have_the_right_positions():
    # Bilinear interpolation of a ramp is exact: every location has its center as its value.
    y, x = torch.meshgrid(torch.arange(16) + 0.5, torch.arange(32) + 0.5, indexing='ij')
    maps = torch.stack([x, y])[None].repeat(2, 1, 1, 1)
    maps[1] *= 10
    boxes = torch.tensor([[[0.125, 0.25, 0.5, 0.75], [0.25, 0.25, 0.75, 0.5]]] * 2)
    crops = crop_and_resize(maps, boxes, 4)
    assert crops.shape == (2, 2, 2, 4, 4)
    for b, (left, top, right, bottom) in enumerate(boxes[0].tolist()):
        centers = (torch.arange(4) + 0.5) / 4
        torch.testing.assert_close(crops[0, b, 0], (32 * (left + (right - left) * centers)).expand(4, 4))
        torch.testing.assert_close(crops[0, b, 1], (16 * (top + (bottom - top) * centers))[:, None].expand(4, 4))
    torch.testing.assert_close(crops[1], 10 * crops[0])


def test_crops_keep_precision_and_gradient():
    boxes = torch.tensor([[[0.1, 0.2, 0.7, 0.9], [0.0, 0.0, 0.3, 1.0]]], dtype=torch.float64)
    maps = torch.randn(1, 2, 5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda m: crop_and_resize(m, boxes, 2), (maps,))
    wide = torch.linspace(0, 1, 448).expand(1, 1, 448, 448)
    half = crop_and_resize(wide.half(), boxes.float(), 224)
    torch.testing.assert_close(half, crop_and_resize(wide.half().float(), boxes.float(), 224))


def test_boxes_to_map_is_the_mean_of_the_boxes_over_a_location():
    torch.manual_seed(0)
    corners = torch.rand(2, 5, 2, 2).sort(2).values
    boxes = corners.flatten(2)  # left, top, right, bottom
    valid = torch.tensor([[True, True, False, True, True], [True, False, True, False, False]])
    scores = torch.randn(2, 3, 5)
    rendered = boxes_to_map(scores, boxes, valid, (6, 8))
    for n in range(2):
        for i in range(6):
            for j in range(8):
                y, x = (i + 0.5) / 6, (j + 0.5) / 8
                covering = [
                    b
                    for b, (left, top, right, bottom) in enumerate(boxes[n])
                    if valid[n, b] and left <= x < right and top <= y < bottom
                ]
                expected = scores[n, :, covering].mean(1) if covering else torch.zeros(3)
                torch.testing.assert_close(rendered[n, :, i, j], expected)


def test_box_iou_counts_pixels():
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 6, (2, 8, 2))
    boxes, others = (torch.tensor(np.concatenate([one, one + rng.integers(0, 6, (8, 2))], 1)) for one in corners)

    def pixels(box):
        left, top, right, bottom = box.tolist()
        return {(x, y) for x in range(left, right) for y in range(top, bottom)}

    expected = [[len(pixels(a) & pixels(b)) / max(1, len(pixels(a) | pixels(b))) for b in others] for a in boxes]
    torch.testing.assert_close(box_iou(boxes, others), torch.tensor(expected))
    assert torch.tensor(expected).count_nonzero() >= 3


def test_the_offset_counts_the_last_pixels():
    """Boxes of inclusive indices are the same boxes with exclusive ones, one larger."""
    torch.manual_seed(0)
    boxes = torch.randint(0, 9, (12, 2)).repeat(1, 2) + torch.cat([torch.zeros(12, 2), torch.randint(0, 6, (12, 2))], 1)
    exclusive = boxes + torch.tensor([0, 0, 1, 1])
    torch.testing.assert_close(box_iou(boxes, boxes, 1), box_iou(exclusive, exclusive))
    scores = torch.rand(12)
    selected = [non_maximum_suppression(*args).tolist() for args in ((exclusive, scores, 0.2), (boxes, scores, 0.2))]
    assert non_maximum_suppression(boxes, scores, 0.2, offset=1).tolist() == selected[0] != selected[1]


@pytest.mark.parametrize('block', [1, 7, 512])
@pytest.mark.parametrize('overlap', [0.0, 0.3, 1.0])
def test_suppression_keeps_a_box_unless_a_better_one_overlaps_it(overlap, block, monkeypatch):
    monkeypatch.setattr('mmwsl.functional.boxes.BLOCK', block)
    torch.manual_seed(0)
    boxes = torch.rand(40, 2).repeat(1, 2) * 10 + torch.tensor([0, 0, 4, 4])
    scores = torch.rand(40).mul(8).round() / 8  # with ties
    selected = non_maximum_suppression(boxes, scores, overlap).tolist()
    expected = []
    for index in sorted(range(40), key=lambda i: (-scores[i], i)):
        if all(box_iou(boxes[[index]], boxes[[kept]]) <= overlap for kept in expected):
            expected.append(index)
    assert selected == expected and (overlap < 1) == (len(selected) < 40)
    assert non_maximum_suppression(boxes, scores, overlap, 3).tolist() == expected[:3]
    assert non_maximum_suppression(boxes, scores, overlap, 0).tolist() == []
    assert non_maximum_suppression(boxes[:0], scores[:0], overlap).tolist() == []
