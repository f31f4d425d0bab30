"""Boxes of the objects in an image."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from skimage.measure import label, regionprops

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class ObjectBox:
    """The box of an object.

    Attributes:
        name: Class of the object.
        box: Its first and last pixels, counted from 0: ``(left, top, right, bottom)``.
        difficult: Whether VOC flags it as hard to recognize, or COCO as a crowd.
    """

    name: str
    box: Box
    difficult: bool = False


def component_boxes(mask: np.ndarray) -> np.ndarray:
    """Return the tight box of every connected component (8 neighbors) of a mask, the largest component first.

    Args:
        mask: The mask, ``(H, W)`` bool.

    Returns:
        Boxes ``(n, 4)``, float64, with the first and last pixels as in :class:`ObjectBox`. Among components of one
        size, the first in row-major order comes first.
    """
    regions = sorted(regionprops(label(mask, connectivity=2)), key=lambda region: -region.area)
    boxes = [(left, top, right - 1, bottom - 1) for top, left, bottom, right in (region.bbox for region in regions)]
    return np.array(boxes, float).reshape(-1, 4)


def mask_boxes(mask: np.ndarray, names: Sequence[str], min_area: float = 0.0) -> list[ObjectBox]:
    """Return the box of every connected component (8 neighbors) of every class except background, the first.

    Touching objects of one class form one component; an object that another one cuts forms several.

    Args:
        mask: Class of every pixel, ``(H, W)``; other values are ignored.
        names: The classes.
        min_area: Smallest area of a component, as a fraction of the mask. Smaller components have no box.
    """
    mask = np.where((mask > 0) & (mask < len(names)), mask, 0)
    components = label(mask, background=0, connectivity=2)
    boxes = []
    for region in regionprops(components):
        if region.area < min_area * mask.size:
            continue
        top, left, bottom, right = region.bbox
        boxes.append(ObjectBox(names[mask[tuple(region.coords[0])]], (left, top, right - 1, bottom - 1)))
    return boxes
