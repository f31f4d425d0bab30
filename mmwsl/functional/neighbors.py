"""Pairs of neighboring locations of a map, by the offset from the first to the second."""

from collections.abc import Sequence
from types import EllipsisType

from torch import Tensor
from torch.nn import functional as F

Offset = tuple[int, int]
"""Rows and columns from the first location of a pair to the second."""
Area = tuple[EllipsisType, slice, slice]
"""Index of an area of the last two dimensions."""


def half_disc_offsets(radius: int) -> list[Offset]:
    r"""List the offsets of the neighbors of PSA and IRN, one of each pair of opposite ones.

    These are :math:`(0, dx)` with :math:`dx \ge 1`, and :math:`(dy, dx)` with :math:`dy \ge 1`, of a distance smaller
    than ``radius``: 12 for radius 3, 34 for radius 5, 152 for radius 10.

    Args:
        radius: Exclusive distance, at least 2.

    Raises:
        ValueError: If the radius is not such an integer.
    """
    if not isinstance(radius, int) or radius < 2:
        raise ValueError(f'`radius` must be an integer of at least 2, got {radius!r}.')
    return half_disc(radius**2 - 1)


def half_disc(square: int) -> list[Offset]:
    """List the offsets up to a squared distance, one of each pair of opposite ones, in row-major order."""
    reach = int(square**0.5) + 1
    return [
        (dy, dx)
        for dy in range(reach + 1)
        for dx in range(-reach, reach + 1)
        if (dy, dx) > (0, 0) and dy**2 + dx**2 <= square
    ]


def pair_slices(size: Sequence[int], offset: Offset) -> tuple[Area, Area]:
    """Return the areas of a map of ``size (h, w)`` that hold the first and the second location of its pairs.

    Args:
        size: Height and width.
        offset: Offset (dy, dx) with dy >= 0.
    """
    (height, width), (dy, dx) = size, offset
    rows, columns = max(height - dy, 0), max(width - abs(dx), 0)
    left, shifted = (0, width - columns) if dx > 0 else (width - columns, 0)
    return (
        (..., slice(0, rows), slice(left, left + columns)),
        (..., slice(height - rows, height), slice(shifted, shifted + columns)),
    )


def place_pairs(values: Tensor, size: Sequence[int], offset: Offset, fill: float = 0.0) -> Tensor:
    """Place values of pairs at their first locations, ``(..., h, w)``, with ``fill`` where no pair begins."""
    (_, rows, columns), _ = pair_slices(size, offset)
    return F.pad(values, (columns.start, size[1] - columns.stop, 0, size[0] - rows.stop), value=fill)
