"""Boxes of the locations of score maps at several scales, and the pairs that a second network is trained on."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .boxes import non_maximum_suppression
from .inputs import numbers_on


def location_boxes(size: Sequence[int], field: Sequence[float], device: torch.device | None = None) -> Tensor:
    """Return the image region of every location of a score map: a window around the center of the location.

    Args:
        size: Height and width of the score map, which covers the input.
        field: Height and width of the window, as fractions of the input.
        device: Device of the result.

    Returns:
        Boxes ``(h * w, 4)``: left, top, right, bottom, as fractions of the input, cut at its borders.
    """
    y, x = (
        ((torch.arange(length, device=device) + 0.5) / length).view(*shape).expand(*size)
        for length, shape in zip(size, ((-1, 1), (1, -1)), strict=True)
    )
    corners = [x - field[1] / 2, y - field[0] / 2, x + field[1] / 2, y + field[0] / 2]
    return torch.stack(corners, -1).flatten(0, 1).clamp(0, 1)


def select_class_boxes(
    probs: Tensor, boxes: Tensor, threshold: float = 0.0, max_boxes: int | None = None, max_overlap: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Select the boxes of each class in one image.

    Args:
        probs: Probabilities of the foreground classes, ``(K, B)``.
        boxes: Boxes ``(B, 4)``.
        threshold: Probability that a box must exceed.
        max_boxes: Largest number of boxes per class; all if None.
        max_overlap: Largest intersection over union of two boxes of a class.

    Returns:
        Classes and boxes as indices of ``probs``, int64 ``(M,)`` each; by class, then by descending probability.
    """
    found = []
    for scores in probs:
        candidates = torch.nonzero(scores > threshold)[:, 0]
        if max_overlap < 1:
            order = non_maximum_suppression(boxes[candidates], scores[candidates], max_overlap, max_boxes)
        else:  # nothing is suppressed, and the sort alone is fast
            order = scores[candidates].argsort(descending=True, stable=True)[:max_boxes]
        found.append(candidates[order])
    classes = torch.arange(len(probs), device=probs.device)
    places = torch.cat(found)
    counts = numbers_on(probs.device, [len(one) for one in found])
    return classes.repeat_interleave(counts, output_size=len(places)), places


def sample_training_pairs(
    probs: Tensor, image_labels: Tensor, max_pairs: int, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Select positive and hard negative pairs of an image and a class, as many of each kind.

    A present class is a positive pair. An absent class is a negative pair, and the pairs with the highest
    probabilities are the hard ones. An unknown class is no pair.

    Args:
        probs: Probability of the best box of each foreground class, ``(N, K)``.
        image_labels: 1 (present), 0 (absent) or -1 (unknown), ``(N, K)``.
        max_pairs: Largest number of pairs, at least 2; half of it are positive. With fewer positive or negative pairs
            than that, there are as few of the other kind.
        generator: Random generator that chooses among the positive pairs.

    Returns:
        Images and classes of the pairs, int64 ``(2, M)``, positive ones first; and their labels, 1 or 0, ``(M,)``.

    Raises:
        ValueError: If ``max_pairs`` is less than 2 or shapes differ.
    """
    if max_pairs < 2:
        raise ValueError(f'`max_pairs` must be at least 2, one positive and one negative pair, got {max_pairs}.')
    if probs.shape != image_labels.shape:
        raise ValueError(
            f'`probs` and `image_labels` must both be (N, K), got {tuple(probs.shape)} and {tuple(image_labels.shape)}.'
        )
    present, absent = torch.nonzero(image_labels == 1), torch.nonzero(image_labels == 0)
    count = min(max_pairs // 2, len(present), len(absent))
    order = torch.randperm(len(present), generator=generator).to(probs.device)
    hardness = probs[absent[:, 0], absent[:, 1]]
    pairs = torch.cat([present[order[:count]], absent[hardness.argsort(descending=True, stable=True)[:count]]])
    labels = probs.new_zeros(2 * count)
    labels[:count] = 1
    return pairs.T, labels


def box_peak_map(scores: Tensor, boxes: Tensor, size: Sequence[int]) -> Tensor:
    r"""Render the boxes of one class: the score of the best box, highest at its center.

    .. math:: m(x) = \max_{b \ni x} \, p_b \left(1 - \tfrac12 d_b(x)\right), \quad
              d_b(x) = \max\!\left(\frac{[|x_1 - c_{b,1}| - \epsilon_1]_+}{w_b / 2},
                                   \frac{[|x_2 - c_{b,2}| - \epsilon_2]_+}{h_b / 2}\right)

    with :math:`\epsilon` half a location of the map, so that the location of a box's center has its score. The maximum
    of the map lies at the center of the box with the highest score.

    Args:
        scores: Scores of the boxes in [0, 1], ``(B,)``.
        boxes: Boxes ``(B, 4)``, as fractions.
        size: Height and width of the map.

    Returns:
        Map ``(*size)``; 0 outside of all boxes.
    """
    best = scores.new_zeros(*size)
    y, x = ((torch.arange(length, device=boxes.device) + 0.5) / length for length in size)
    for score, box in zip(scores, boxes, strict=True):
        inside = ((box[1] <= y) & (y <= box[3]))[:, None] & ((box[0] <= x) & (x <= box[2]))
        sides = [
            ((axis - (box[i] + box[i + 2]) / 2).abs() - 0.5 / len(axis)).clamp(min=0) / (box[i + 2] - box[i]) * 2
            for i, axis in enumerate((x, y))
        ]
        near = (sides[1] == 0)[:, None] & (sides[0] == 0)  # also where a box is smaller than a location
        distance = torch.maximum(sides[1][:, None], sides[0])
        best = torch.where(inside | near, best.maximum(score * (1 - distance.nan_to_num(0.0) / 2)), best)
    return best
