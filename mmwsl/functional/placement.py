"""Interpolation of score maps whose locations are not spread evenly over the image."""

from collections.abc import Sequence

import torch
from torch import Tensor


def interpolate_score_map(scores: Tensor, size: Sequence[int], first: Sequence[float], stride: Sequence[int]) -> Tensor:
    """Interpolate a score map at every pixel, with each location at its own position in the image.

    Scores are bilinear between the centers of locations and constant outside of the first and last center. A pixel at
    the center of a location gets its exact score. In contrast, ``resize`` spreads the locations evenly over the image,
    with the first center half a location inside.

    Args:
        scores: Score map, ``(N, K, h, w)``.
        size: Height and width of the result, in pixels.
        first: Row and column of the center of location (0, 0), in pixels; may be between pixels or outside the image.
        stride: Pixels between neighboring locations, along height and width.

    Returns:
        Scores, ``(N, K, *size)``.
    """
    for dim, length, start, step in zip((2, 3), size, first, stride, strict=True):
        last = scores.shape[dim] - 1
        if (start, step, last) == (0, 1, length - 1):
            continue
        positions = ((torch.arange(length, dtype=torch.float64) - start) / step).clamp(0, last)
        below = positions.floor().long()
        weights = (positions - below).to(scores).view(-1, *[1] * (3 - dim))
        below = below.to(scores.device)
        scores = torch.lerp(
            scores.index_select(dim, below), scores.index_select(dim, (below + 1).clamp(max=last)), weights
        )
    return scores
