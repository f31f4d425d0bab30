"""Points and boxes that prompt a network for masks, from class maps or a grid, and the stability of its masks."""

import torch
from torch import Tensor
from torch.nn import functional as F

from .inputs import at_least_float32
from .instances import connected_components


def point_grid(count: int, size: tuple[int, int]) -> Tensor:
    """Return the centers of ``count x count`` equal parts of an image (SAM, Kirillov et al., ICCV 2023, App. B).

    Args:
        count: Points a side, at least 1; SAM uses 32.
        size: Height and width of the image.

    Returns:
        Points ``(count ** 2, 2)``, x and y in pixels, row by row.

    Raises:
        ValueError: If ``count`` is not positive.
    """
    if count < 1:
        raise ValueError(f'`count` must be at least 1, got {count}.')
    centers = (torch.arange(count) + 0.5) / count
    y, x = torch.meshgrid(centers * size[0], centers * size[1], indexing='ij')
    return torch.stack([x, y], -1).flatten(0, 1)


def map_peaks(values: Tensor, threshold: float = 0.5, distance: int = 8, max_points: int = 5) -> Tensor:
    r"""Return the local maxima of a class map, the highest first.

    A location is one if it has the largest value of the window of :math:`2d + 1` locations around it, and this value
    exceeds :math:`\tau \max M`. Of equal neighbors, the first in row-major order is one.

    Args:
        values: Class map M, ``(H, W)``.
        threshold: Fraction :math:`\tau` of the maximum, in [0, 1).
        distance: Radius d of the window, at least 1.
        max_points: Largest number of points, at least 1.

    Returns:
        Points ``(n, 2)``, x and y, int64; none if the map has no positive value.

    Raises:
        ValueError: If ``values`` is not ``(H, W)``, or an argument is out of range.
    """
    _check(values, threshold)
    if distance < 1 or max_points < 1:
        raise ValueError(f'`distance` and `max_points` must be at least 1, got {distance} and {max_points}.')
    values = at_least_float32(values)
    window = 2 * distance + 1
    order = torch.arange(values.numel(), 0, -1, device=values.device).view_as(values)
    highest = values == F.max_pool2d(values[None, None], window, 1, distance)[0, 0]
    # Of a plateau, only the first location remains: it has the largest number in its window.
    numbers = torch.where(highest, order, 0).double()
    highest &= numbers == F.max_pool2d(numbers[None, None], window, 1, distance)[0, 0]
    highest &= (values > 0) & (values > threshold * values.max())
    rows, columns = highest.nonzero().unbind(1)
    best = values[rows, columns].argsort(descending=True, stable=True)[:max_points]
    return torch.stack([columns, rows], 1)[best]


def component_boxes(values: Tensor, threshold: float = 0.4, max_boxes: int = 20) -> Tensor:
    r"""Return the bounding boxes of the 4-connected components of a class map above a threshold.

    A location is above it if :math:`M > \tau \max M` and positive.

    Args:
        values: Class map M, ``(H, W)``.
        threshold: Fraction :math:`\tau` of the maximum, in [0, 1).
        max_boxes: Largest number of boxes, at least 1: those of the components with the most locations.

    Returns:
        Boxes ``(n, 4)``: left, top, right, bottom, the last two exclusive, int64, in the order of their first pixels.

    Raises:
        ValueError: If ``values`` is not ``(H, W)``, or an argument is out of range.
    """
    _check(values, threshold)
    if max_boxes < 1:
        raise ValueError(f'`max_boxes` must be at least 1, got {max_boxes}.')
    above = (values > 0) & (values > threshold * values.max())
    components = connected_components(above.long())
    numbers, sizes = components[above].unique(return_counts=True)
    largest = sizes.argsort(descending=True, stable=True)[:max_boxes].sort().values
    boxes = []
    for component in numbers[largest]:
        rows, columns = (components == component).nonzero().unbind(1)
        boxes.append(torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]))
    return torch.stack(boxes) if boxes else torch.zeros(0, 4, dtype=torch.int64, device=values.device)


def mask_stability(logits: Tensor, offset: float = 1.0) -> Tensor:
    r"""Return how little masks depend on their threshold.

    This is the stability score of SAM (Kirillov et al., ICCV 2023, App. B),

    .. math:: s = \frac{|\{ z > \delta \}|}{|\{ z > -\delta \}|}

    the IoU of the masks at two thresholds, of which one contains the other.

    Args:
        logits: Mask logits z, ``(n, H, W)``.
        offset: Distance :math:`\delta` of the thresholds from 0, non-negative; 1 in SAM.

    Returns:
        Values in [0, 1], ``(n,)``; 0 for a mask that is empty at both thresholds.
    """
    inner, outer = ((logits > value).flatten(1).sum(1) for value in (offset, -offset))
    return inner / outer.clamp(min=1)


def _check(values: Tensor, threshold: float) -> None:
    if values.dim() != 2:
        raise ValueError(f'`values` must be (H, W), got {tuple(values.shape)}.')
    if not 0 <= threshold < 1:
        raise ValueError(f'`threshold` must be in [0, 1), got {threshold}.')
