"""Valid locations of a score map, and checks of the arguments of all aggregations."""

import torch
from torch import Tensor

from ..inputs import at_least_float32, valid_or_all


def valid_locations(extents: Tensor, covered_size: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Mark the locations of a score map that belong to their image.

    A location belongs to the image if its center does. An image without any center keeps the location that contains
    its middle, so every image has at least one location.

    Args:
        extents: Top, bottom, left and right border of each image within the inputs, in pixels, ``(N, 4)``; the image
            covers ``[top, bottom) x [left, right)``.
        covered_size: Height and width in pixels that the score map covers.
        size: Height and width of the score map in locations.

    Returns:
        Boolean map ``(N, *size)``.
    """
    top, bottom, left, right = extents.unbind(1)
    rows = _inside(top, bottom, covered_size[0], size[0])  # (N, H)
    columns = _inside(left, right, covered_size[1], size[1])  # (N, W)
    return rows[:, :, None] & columns[:, None, :]


def _inside(start: Tensor, stop: Tensor, length: int, count: int) -> Tensor:
    """Mark the locations along one side, ``(N, count)``."""
    centers = (torch.arange(count, device=start.device) + 0.5) * (length / count)
    inside = (centers >= start[:, None]) & (centers < stop[:, None])
    middle = ((start + stop) / 2 * (count / length)).long().clamp(0, count - 1)
    return inside | (~inside.any(1, keepdim=True) & (torch.arange(count, device=start.device) == middle[:, None]))


def flatten_locations(scores: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor]:
    """Check a score map, flatten its locations and convert half precision to float32.

    Args:
        scores: Class scores, ``(N, K, H, W)``.
        valid: Boolean map of the locations to use, ``(N, H, W)``. All locations if None.

    Returns:
        Scores ``(N, K, H*W)`` in at least float32 and the valid locations ``(N, 1, H*W)``.

    Raises:
        ValueError: If shapes do not agree, or ``valid`` is not boolean.
    """
    if scores.dim() != 4 or 0 in scores.shape[2:]:
        raise ValueError(f'`scores` must be (N, K, H, W) with at least one location, got {tuple(scores.shape)}.')
    valid = valid_or_all(scores, valid)
    return at_least_float32(scores).flatten(2), valid.flatten(1)[:, None]


def per_class(value: float | Tensor, name: str, scores: Tensor) -> float | Tensor:
    """Reshape an argument, a number or a tensor ``(K,)``, so that it broadcasts with ``scores (N, K, H*W)``.

    Raises:
        ValueError: If a tensor does not have one value for each class; the message calls it ``name``.
    """
    if not isinstance(value, Tensor):
        return value
    if value.shape != scores.shape[1:2]:
        raise ValueError(
            f'`{name}` must have one value for each of the {scores.shape[1]} classes, got shape {tuple(value.shape)}.'
        )
    return value.to(scores)[:, None]
