"""Which cells of a score map are aggregated, and the checks that all aggregations share."""

import torch
from torch import Tensor


def valid_locations(extents: Tensor, canvas: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Map which cells of a score map lie inside their image.

    A cell belongs to the image if its center does. An image that covers no center keeps the one cell that its
    middle falls into, so every image has at least one.

    Args:
        extents: Top, bottom, left and right border of each image on its canvas, in pixels, ``(N, 4)``; the image
            is ``[top, bottom) x [left, right)``.
        canvas: Height and width of the padded input in pixels.
        size: Height and width of the score map in cells.

    Returns:
        Boolean map ``(N, *size)``.
    """
    top, bottom, left, right = extents.unbind(1)
    rows = _inside(top, bottom, canvas[0], size[0])  # (N, H)
    columns = _inside(left, right, canvas[1], size[1])  # (N, W)
    return rows[:, :, None] & columns[:, None, :]


def _inside(start: Tensor, stop: Tensor, length: int, cells: int) -> Tensor:
    centers = (torch.arange(cells, device=start.device) + 0.5) * (length / cells)
    inside = (centers >= start[:, None]) & (centers < stop[:, None])
    middle = ((start + stop) / 2 * (cells / length)).long().clamp(0, cells - 1)
    return inside | (~inside.any(1, keepdim=True) & (torch.arange(cells, device=start.device) == middle[:, None]))


def flatten_locations(scores: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor]:
    """Check shapes and precision of a score map.

    Args:
        scores: Class scores, ``(N, K, H, W)``.
        valid: Boolean map of the cells to use, ``(N, H, W)``. All cells if None.

    Returns:
        Scores ``(N, K, H*W)`` in float32 or better and the valid cells ``(N, 1, H*W)``.

    Raises:
        ValueError: If shapes do not agree, or ``valid`` is not boolean.
    """
    if scores.dim() != 4 or 0 in scores.shape[2:]:
        raise ValueError(f'`scores` must be (N, K, H, W) with at least one cell, got {tuple(scores.shape)}')
    if valid is None:
        valid = torch.ones_like(scores[:, 0], dtype=torch.bool)
    elif valid.shape != scores[:, 0].shape or valid.dtype != torch.bool:
        raise ValueError(
            f'`valid` must be boolean of shape {tuple(scores[:, 0].shape)} like `scores` without classes, '
            f'got {valid.dtype} of shape {tuple(valid.shape)}'
        )
    if scores.dtype in (torch.float16, torch.bfloat16):
        scores = scores.float()
    return scores.flatten(2), valid.flatten(1)[:, None]


def per_class(value: float | Tensor, name: str, scores: Tensor) -> float | Tensor:
    """Bring an argument that is one number or a tensor ``(K,)`` into the form ``(K, 1)`` of ``scores (N, K, H*W)``.

    Raises:
        ValueError: If a tensor does not have one value for each class; the message calls it ``name``.
    """
    if not isinstance(value, Tensor):
        return value
    if value.shape != scores.shape[1:2]:
        raise ValueError(
            f'`{name}` must have one value for each of the {scores.shape[1]} classes, got shape {tuple(value.shape)}'
        )
    return value.to(scores)[:, None]
