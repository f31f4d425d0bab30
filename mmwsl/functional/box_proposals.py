"""Boxes that a score map proposes."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class ProposalRule:
    """Which boxes :func:`propose_boxes` tries and keeps.

    Args:
        sides: Heights and widths of the boxes, as fractions of the image's; all pairs are tried.
        max_boxes: Boxes at most, beside the whole image.
        min_score: A box must score more than this for some class, in [0, 1).
        max_overlap: Intersection over union that two boxes may have, in [0, 1].

    Raises:
        ValueError: If a value is out of range.
    """

    sides: Sequence[float] = (0.25, 0.5, 0.75, 1.0)
    max_boxes: int = 8
    min_score: float = 0.1
    max_overlap: float = 0.5

    def __post_init__(self) -> None:
        if not self.sides or any(not 0 < side <= 1 for side in self.sides):
            raise ValueError(f'`sides` must be one or more fractions in (0, 1], got {self.sides}')
        if not isinstance(self.max_boxes, int) or self.max_boxes < 0:
            raise ValueError(f'`max_boxes` must be an integer, 0 or more, got {self.max_boxes!r}')
        if not 0 <= self.min_score < 1:
            raise ValueError(f'`min_score` must lie in [0, 1), got {self.min_score}')
        if not 0 <= self.max_overlap <= 1:
            raise ValueError(f'`max_overlap` must lie in [0, 1], got {self.max_overlap}')


def propose_boxes(probs: Tensor, rule: ProposalRule | None = None) -> Tensor:
    """Propose the boxes that agree best with some class of a map.

    Windows of the rule's shapes at every cell are scored by :func:`soft_jaccard`, each for its best class. The best
    is taken, windows that overlap with it too much are dropped, and so on (greedy non-maximum suppression, over all
    classes together).

    Args:
        probs: Probabilities of the classes in the cells of one image, ``(K, H, W)``, without background.
        rule: Shapes and limits; the defaults if None.

    Returns:
        Boxes ``(B, 4)`` in cells, int64: left, top, right, bottom, the last two exclusive. The first is the whole
        image, which does not take part in the suppression; the others are sorted from the best.

    Raises:
        ValueError: If ``probs`` is not a map of three dimensions with a class and a cell.
    """
    rule = rule or ProposalRule()
    if probs.dim() != 3 or 0 in probs.shape:
        raise ValueError(f'`probs` must be (K, H, W) with at least one class and one cell, got {tuple(probs.shape)}')
    height, width = probs.shape[1:]
    whole = torch.tensor([[0, 0, width, height]], device=probs.device)
    boxes = _windows(height, width, rule.sides).to(probs.device)
    scores = soft_jaccard(probs, boxes).amax(0)
    alive = (scores > rule.min_score) & (boxes != whole).any(1)
    kept = []
    while len(kept) < rule.max_boxes and alive.any():
        best = torch.where(alive, scores, -1).argmax()
        kept.append(best)
        alive &= _overlaps(boxes, boxes[best]) <= rule.max_overlap
        alive[best] = False
    return torch.cat([whole, *(boxes[best][None] for best in kept)])


def soft_jaccard(probs: Tensor, boxes: Tensor) -> Tensor:
    r"""Intersection over union of boxes with maps of probabilities.

    .. math:: s_k(b) = \frac{\sum_{i \in b} p_{ik}}{|b| + \sum_{i \notin b} p_{ik}}

    It is 1 for a box that holds all of a certain object and nothing else; a part of the object, or a margin around
    it, scores less. Sums are taken from integral images.

    Args:
        probs: ``(K, H, W)``, values in [0, 1].
        boxes: ``(B, 4)`` in cells, as :func:`propose_boxes` returns them, not empty.

    Returns:
        ``(K, B)``.
    """
    integral = F.pad(probs.double().cumsum(1).cumsum(2), (1, 0, 1, 0))
    left, top, right, bottom = boxes.unbind(1)
    inside = integral[:, bottom, right] - integral[:, top, right] - integral[:, bottom, left] + integral[:, top, left]
    area = (right - left) * (bottom - top)
    return (inside / (area + integral[:, -1:, -1] - inside)).to(probs)


def _windows(height: int, width: int, sides: Sequence[float]) -> Tensor:
    """All windows of the shapes, at every cell."""
    windows = []
    for rows in sorted({max(1, round(side * height)) for side in sides}):
        for columns in sorted({max(1, round(side * width)) for side in sides}):
            top, left = torch.meshgrid(
                torch.arange(height - rows + 1), torch.arange(width - columns + 1), indexing='ij'
            )
            windows.append(torch.stack([left, top, left + columns, top + rows], -1).flatten(0, 1))
    return torch.cat(windows)


def _overlaps(boxes: Tensor, box: Tensor) -> Tensor:
    """Intersection over union of each of ``boxes (B, 4)`` with one."""
    sides = (torch.minimum(boxes[:, 2:], box[2:]) - torch.maximum(boxes[:, :2], box[:2])).clamp(min=0)
    shared = sides.prod(1)
    return shared / ((boxes[:, 2:] - boxes[:, :2]).prod(1) + (box[2:] - box[:2]).prod() - shared)
