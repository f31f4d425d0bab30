"""Beam search for the box whose features alone give a class the highest score."""

from collections.abc import Callable

import torch
from torch import Tensor


def split_boxes(boxes: Tensor, ratio: float = 0.5) -> Tensor:
    """Cut boxes to parts of their width or height: the left, right, top and bottom part of each.

    Args:
        boxes: ``x1, y1, x2, y2`` in cells, the second corner exclusive, ``(n, 4)`` int64.
        ratio: Part of the side that is kept, in (0, 1), rounded up to whole cells; a side that would stay as it is
            loses one cell. A side of one cell is not cut.

    Returns:
        The parts, without repetitions, ``(m, 4)``.
    """
    parts = []
    for first, last in ((0, 2), (1, 3)):
        side = boxes[:, last] - boxes[:, first]
        kept = torch.minimum((side * ratio).ceil().long(), side - 1)
        near, far = boxes.clone(), boxes.clone()
        near[:, last] = boxes[:, first] + kept
        far[:, first] = boxes[:, last] - kept
        parts += [near[side > 1], far[side > 1]]
    return torch.cat(parts).unique(dim=0)


def beam_search(
    score: Callable[[Tensor], Tensor], start: Tensor, width: int = 3, levels: int = 8, ratio: float = 0.5
) -> tuple[Tensor, float]:
    """Search the box with the highest score (Bency et al., ECCV 2016).

    Each step cuts every box of the beam, see :func:`split_boxes`, and keeps the ``width`` parts of highest scores. The
    search ends after ``levels`` steps, or when no part scores higher than the best box so far. A part as good as
    the best box replaces it: the box becomes tight.

    Args:
        score: Scores boxes ``(n, 4)``, ``(n,)``.
        start: The first box, ``(4,)`` int64 as in :func:`split_boxes`.
        width: Boxes that are kept in a step, at least 1; 1 is a greedy descent.
        levels: Maximum number of steps, at least 0.
        ratio: See :func:`split_boxes`.

    Returns:
        The best box ``(4,)`` and its score.
    """
    beam = start[None]
    best, best_score = start, float(score(beam))
    for _ in range(levels):
        parts = split_boxes(beam, ratio)
        if not len(parts):
            break
        scores = score(parts)
        order = scores.argsort(descending=True, stable=True)[:width]
        beam = parts[order]
        if not scores[order[0]] >= best_score:
            break
        best, best_score = beam[0], float(scores[order[0]])
    return best, best_score


def box_tent(box: Tensor, height: int, width: int) -> Tensor:
    """Draw a box as a tent: 1 at its center, 0.5 at its edges, 0 at the same distance again outside.

    Args:
        box: ``x1, y1, x2, y2``, the second corner exclusive, ``(4,)``.
        height: Height of the map.
        width: Width of the map.

    Returns:
        The map at the centers of the cells, ``(height, width)``.
    """
    x1, y1, x2, y2 = box.double()
    xs = torch.arange(width, device=box.device) + 0.5
    ys = torch.arange(height, device=box.device) + 0.5
    across = (xs - (x1 + x2) / 2).abs() / (x2 - x1)
    down = (ys - (y1 + y2) / 2).abs() / (y2 - y1)
    return (1 - torch.maximum(across[None, :], down[:, None])).clamp(min=0).float()
