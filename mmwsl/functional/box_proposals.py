"""Box proposals from a score map."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .boxes import non_maximum_suppression
from .inputs import numbers_on


@dataclass(frozen=True)
class ProposalRule:
    """Candidate shapes and limits of :func:`propose_boxes`.

    Args:
        sides: Heights and widths of the boxes, as fractions of the image height and width; all pairs are tried.
        max_boxes: Maximum number of boxes, besides the whole image.
        min_score: Score that a box must exceed for some class, in [0, 1).
        max_overlap: Maximum intersection over union of two boxes, in [0, 1].

    Raises:
        ValueError: If a value is out of range.
    """

    sides: Sequence[float] = (0.25, 0.5, 0.75, 1.0)
    max_boxes: int = 8
    min_score: float = 0.1
    max_overlap: float = 0.5

    def __post_init__(self) -> None:
        if not self.sides or any(not 0 < side <= 1 for side in self.sides):
            raise ValueError(f'`sides` must be one or more fractions in (0, 1], got {self.sides}.')
        if not isinstance(self.max_boxes, int) or self.max_boxes < 0:
            raise ValueError(f'`max_boxes` must be a non-negative integer, got {self.max_boxes!r}.')
        if not 0 <= self.min_score < 1:
            raise ValueError(f'`min_score` must be in [0, 1), got {self.min_score}.')
        if not 0 <= self.max_overlap <= 1:
            raise ValueError(f'`max_overlap` must be in [0, 1], got {self.max_overlap}.')


def propose_boxes(probs: Tensor, rule: ProposalRule | None = None) -> Tensor:
    """Propose the boxes that agree most with some class of a score map.

    Windows of the rule's shapes at every location are scored by :func:`soft_jaccard`, each for its highest-scoring
    class. Greedy non-maximum suppression over all classes together selects the boxes.

    Args:
        probs: Probabilities of the foreground classes at the locations of one image, ``(K, H, W)``.
        rule: Shapes and limits; the defaults of :class:`ProposalRule` if None.

    Returns:
        Boxes ``(B, 4)`` in locations, int64: left, top, right, bottom, the last two exclusive. The first is the whole
        image, which takes no part in the suppression; the others are sorted by descending score.

    Raises:
        ValueError: If ``probs`` is not ``(K, H, W)`` with at least one class and one location.
    """
    rule = rule or ProposalRule()
    if probs.dim() != 3 or 0 in probs.shape:
        raise ValueError(
            f'`probs` must be (K, H, W) with at least one class and one location, got {tuple(probs.shape)}.'
        )
    height, width = probs.shape[1:]
    whole = numbers_on(probs.device, [[0, 0, width, height]])
    boxes = _windows(height, width, rule.sides).to(probs.device)
    scores = soft_jaccard(probs, boxes).amax(0)
    candidates = torch.nonzero((scores > rule.min_score) & (boxes != whole).any(1))[:, 0]
    boxes = boxes[candidates]
    return torch.cat(
        [whole, boxes[non_maximum_suppression(boxes, scores[candidates], rule.max_overlap, rule.max_boxes)]]
    )


def soft_jaccard(probs: Tensor, boxes: Tensor) -> Tensor:
    r"""Compute the intersection over union of boxes and probability maps.

    .. math:: s_k(b) = \frac{\sum_{i \in b} p_{ik}}{|b| + \sum_{i \notin b} p_{ik}}

    It is 1 for a box around exactly the pixels of probability 1. A part of an object, or a margin around it, scores
    less. Sums are taken from integral images.

    Args:
        probs: Probabilities, ``(K, H, W)``, in [0, 1].
        boxes: Non-empty boxes, ``(B, 4)``, in locations as :func:`propose_boxes` returns them.

    Returns:
        Intersection over union, ``(K, B)``.
    """
    integral = F.pad(probs.double().cumsum(1).cumsum(2), (1, 0, 1, 0))
    left, top, right, bottom = boxes.unbind(1)
    inside = integral[:, bottom, right] - integral[:, top, right] - integral[:, bottom, left] + integral[:, top, left]
    area = (right - left) * (bottom - top)
    return (inside / (area + integral[:, -1:, -1] - inside)).to(probs)


def _windows(height: int, width: int, sides: Sequence[float]) -> Tensor:
    """Return the windows of all shapes at every location, ``(B, 4)``."""
    windows = []
    for rows in sorted({max(1, round(side * height)) for side in sides}):
        for columns in sorted({max(1, round(side * width)) for side in sides}):
            top, left = torch.meshgrid(
                torch.arange(height - rows + 1), torch.arange(width - columns + 1), indexing='ij'
            )
            windows.append(torch.stack([left, top, left + columns, top + rows], -1).flatten(0, 1))
    return torch.cat(windows)
