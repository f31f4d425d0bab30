"""Overlap and selection of boxes."""

import torch
from torch import Tensor

BLOCK = 512
"""Boxes that are compared with each other at a time. It bounds the memory and does not change the result."""


def box_iou(boxes: Tensor, others: Tensor, offset: int = 0) -> Tensor:
    r"""Compute the intersection over union of each pair of boxes.

    .. math:: \mathrm{IoU}(a, b) = \frac{|a \cap b|}{|a| + |b| - |a \cap b|}

    Args:
        boxes: Boxes ``(A, 4)``: left, top, right, bottom; the last two exclusive.
        others: Boxes ``(B, 4)``.
        offset: Added to widths and heights: 1 if right and bottom are inclusive indices of pixels.

    Returns:
        Values in [0, 1], ``(A, B)``; 0 for two boxes without area.
    """
    areas = [(part[:, 2] - part[:, 0] + offset) * (part[:, 3] - part[:, 1] + offset) for part in (boxes, others)]
    left, top, right, bottom = boxes.T[..., None]
    # a product of two (A, B) tensors: torch is slow along an axis of length 2
    width = torch.minimum(right, others[:, 2]) - torch.maximum(left, others[:, 0]) + offset
    height = torch.minimum(bottom, others[:, 3]) - torch.maximum(top, others[:, 1]) + offset
    shared = width.clamp(min=0) * height.clamp(min=0)
    union = areas[0][:, None] + areas[1] - shared
    return shared / union.masked_fill(union == 0, 1)


def non_maximum_suppression(
    boxes: Tensor, scores: Tensor, max_overlap: float, max_boxes: int | None = None, offset: int = 0
) -> Tensor:
    r"""Select boxes greedily by score; a selected box removes all boxes that overlap it by more than ``max_overlap``.

    In descending order of the score, whether box :math:`i` is selected solves

    .. math:: s_i = \neg \bigvee_{j < i} \left( s_j \wedge \mathrm{IoU}(i, j) > t \right)

    The solution is unique. Iterating the equation reaches it, as its first n values are final after n steps; a few
    steps are enough in practice.

    Args:
        boxes: Boxes ``(B, 4)``, see :func:`box_iou`.
        scores: Scores ``(B,)``. Among equal scores, the first box is selected.
        max_overlap: Largest intersection over union of two selected boxes, in [0, 1].
        max_boxes: Largest number of boxes. None selects all that remain.
        offset: See :func:`box_iou`.

    Returns:
        Indices of the selected boxes, by descending score, int64 ``(M,)``.
    """
    order = scores.argsort(descending=True, stable=True)
    selected = order[:0]
    for block in order.split(BLOCK):
        if max_boxes is not None and len(selected) >= max_boxes:
            break
        block = block[(box_iou(boxes[selected], boxes[block], offset) <= max_overlap).all(0)]
        removes = (box_iou(boxes[block], boxes[block], offset) > max_overlap).triu(1)
        selected = torch.cat([selected, block[_solve(removes)]])
    return selected[:max_boxes]


def _solve(removes: Tensor) -> Tensor:
    """Solve ``s = ~(removes & s[:, None]).any(0)`` for a strictly upper triangular matrix ``(n, n)``."""
    selected = torch.ones(len(removes), dtype=torch.bool, device=removes.device)
    while True:
        following = ~(removes & selected[:, None]).any(0)
        if torch.equal(following, selected):
            return selected
        selected = following
