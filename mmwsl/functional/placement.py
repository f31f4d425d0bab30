"""From the cells of a score map to pixels, given where the cells lie."""

from collections.abc import Sequence

import torch
from torch import Tensor


def interpolate_score_map(scores: Tensor, size: Sequence[int], first: Sequence[float], stride: Sequence[int]) -> Tensor:
    """Interpolate a score map at every pixel, each cell at its own place.

    Bilinear between the centers of the cells, constant outside of the first and last ones. Where a pixel is the
    center of a cell it gets that cell's score as it is. ``resize`` knows no places: it spreads the cells evenly over
    the image, the first one centered half a cell inside.

    Args:
        scores: Score map, ``(N, K, h, w)``.
        size: Height and width of the result, in pixels.
        first: Row and column of the pixel at which cell (0, 0) is centered; may lie between pixels or outside.
        stride: Pixels from cell to cell, along height and width.

    Returns:
        Scores, ``(N, K, *size)``.
    """
    for dim, length, start, step in zip((2, 3), size, first, stride, strict=True):
        last = scores.shape[dim] - 1
        if (start, step, last) == (0, 1, length - 1):
            continue
        places = ((torch.arange(length, dtype=torch.float64) - start) / step).clamp(0, last)
        below = places.floor().long()
        weights = (places - below).to(scores).view(-1, *[1] * (3 - dim))
        below = below.to(scores.device)
        scores = torch.lerp(
            scores.index_select(dim, below), scores.index_select(dim, (below + 1).clamp(max=last)), weights
        )
    return scores
