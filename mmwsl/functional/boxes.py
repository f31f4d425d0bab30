"""Overlap and selection of boxes."""

import torch
from torch import Tensor


def box_iou(boxes: Tensor, others: Tensor) -> Tensor:
    r"""Compute the intersection over union of each pair of boxes.

    .. math:: \mathrm{IoU}(a, b) = \frac{|a \cap b|}{|a| + |b| - |a \cap b|}

    Args:
        boxes: Boxes ``(A, 4)``: left, top, right, bottom; the last two exclusive.
        others: Boxes ``(B, 4)``.

    Returns:
        Values in [0, 1], ``(A, B)``; 0 for two boxes without area.
    """
    a, b = boxes[:, None], others[None]
    sides = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0)
    shared = sides.prod(-1)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - shared
    return shared / union.masked_fill(union == 0, 1)


def non_maximum_suppression(boxes: Tensor, scores: Tensor, max_overlap: float, max_boxes: int | None = None) -> Tensor:
    """Select boxes greedily by score; a selected box removes all boxes that overlap it by more than ``max_overlap``.

    Args:
        boxes: Boxes ``(B, 4)``, see :func:`box_iou`.
        scores: Scores ``(B,)``. Among equal scores, the first box is selected.
        max_overlap: Largest intersection over union of two selected boxes, in [0, 1].
        max_boxes: Largest number of boxes. None selects all that remain.

    Returns:
        Indices of the selected boxes, by descending score, int64 ``(M,)``.
    """
    order = scores.argsort(descending=True, stable=True)
    selected: list[Tensor] = []
    while len(order) and len(selected) != max_boxes:
        selected.append(order[0])
        overlaps = box_iou(boxes[order[:1]], boxes[order[1:]])[0]
        order = order[1:][overlaps <= max_overlap]
    return torch.stack(selected) if selected else order[:0]
