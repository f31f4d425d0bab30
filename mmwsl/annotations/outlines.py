"""Outlines of masks as polygons that cover exactly the same pixels."""

import numpy as np
from skimage.measure import label

INSET = 1 / 16
"""Distance in pixels between an outline and the edges of the outermost pixels, to their inside."""


def mask_polygons(mask: np.ndarray) -> list[np.ndarray]:
    """Return one polygon per connected component (4 neighbors) of a mask.

    A polygon runs along the edges of pixels, :data:`INSET` within them. Both usual rules fill exactly the pixels of the
    mask: the pixels with their center in the polygon, and, with coordinates rounded down, the pixels that
    ``cv2.fillPoly`` draws. A hole is cut open: the polygon runs from its outline to the hole and back on one line, so
    it stays a single list of corners.

    Args:
        mask: The mask, ``(H, W)`` bool.

    Returns:
        The corners ``(n, 2)`` of each polygon, x and y, where pixel ``(i, j)`` covers ``j..j + 1`` and ``i..i + 1``.
    """
    components = label(mask, connectivity=1)
    loops: dict[int, list[np.ndarray]] = {}
    for loop in _loops(mask):
        column, row = loop[0].astype(int)
        loops.setdefault(int(components[row, column]), []).append(loop)
    return [_merge(loops[component]) for component in sorted(loops)]


def _loops(mask: np.ndarray) -> list[np.ndarray]:
    """Trace all outlines, of components and of holes.

    A corner lies where one or three of the four pixels around a point are inside, or two that touch at the point only:
    these are two corners. Each corner is moved into the pixel that is inside, or away from the pixel that is not.
    Corners on one line then belong together in pairs, which are the edges.
    """
    padded = np.pad(mask, 1)
    a, b, c, d = padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    quadrants = ((a, -1, -1), (b, -1, 1), (c, 1, -1), (d, 1, 1))
    total = a.astype(np.int8) + b + c + d
    saddle = (total == 2) & (a == d)
    corners = []
    for inside, dy, dx in quadrants:
        for where, sign in ((inside & ((total == 1) | saddle), 1), (~inside & (total == 3), -1)):
            y, x = np.nonzero(where)
            corners.append(np.stack([x + sign * dx * INSET, y + sign * dy * INSET], axis=1))
    points = np.concatenate(corners)
    if not len(points):
        return []
    horizontal = _pairs(np.lexsort((points[:, 0], points[:, 1])))
    vertical = _pairs(np.lexsort((points[:, 1], points[:, 0])))
    seen = np.zeros(len(points), bool)
    loops = []
    for start in range(len(points)):
        if seen[start]:
            continue
        loop, place = [], start
        while not seen[place]:
            across = horizontal[place]
            seen[place] = seen[across] = True
            loop += [place, across]
            place = vertical[across]
        loops.append(points[loop])
    return loops


def _pairs(order: np.ndarray) -> list[int]:
    """Return the partner of each corner: neighbors in the order belong together in pairs."""
    partner = np.empty(len(order), np.int64)
    partner[order[::2]], partner[order[1::2]] = order[1::2], order[::2]
    return partner.tolist()


def _merge(loops: list[np.ndarray]) -> np.ndarray:
    """Join the outline of a component, the loop that begins farthest to the left, with the outlines of its holes.

    The cut runs from the leftmost corner of a hole to the left, until it meets an outline that is joined already.
    """
    polygon, *holes = sorted(loops, key=lambda loop: loop[:, 0].min())
    for hole in holes:
        first = hole[:, 0].argmin()
        hole = np.roll(hole, -first, axis=0)
        x, y = hole[0]
        ends = np.roll(polygon, -1, axis=0)
        crossed = (polygon[:, 0] == ends[:, 0]) & (polygon[:, 0] < x)
        crossed &= (np.minimum(polygon[:, 1], ends[:, 1]) <= y) & (y <= np.maximum(polygon[:, 1], ends[:, 1]))
        edge = np.flatnonzero(crossed)[polygon[crossed, 0].argmax()]
        meeting = [polygon[edge, 0], y]
        polygon = np.concatenate([polygon[: edge + 1], [meeting], hole, hole[:1], [meeting], polygon[edge + 1 :]])
    return polygon
