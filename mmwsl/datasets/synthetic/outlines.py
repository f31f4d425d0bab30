"""Outlines of the shapes, inscribed in the unit circle."""

import numpy as np

RING_HOLE = 0.55
"""Radius of the hole of a ring; the hole shows background."""


def _regular(corners: int) -> np.ndarray:
    angles = np.arange(corners) * 2 * np.pi / corners
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)  # (corners, 2)


def _star(points: int = 5, inner: float = 0.42) -> np.ndarray:
    outline = _regular(2 * points)
    outline[1::2] *= inner
    return outline


def _cross(arm: float = 0.34) -> np.ndarray:
    reach = np.sqrt(1 - arm**2)
    quarter = np.array([(reach, -arm), (reach, arm), (arm, arm)])
    turns = ([[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]] for t in np.arange(4) * np.pi / 2)
    return np.concatenate([quarter @ np.array(turn) for turn in turns])


OUTLINES = {1: _regular(48), 2: _regular(4), 3: _regular(3), 4: _star(), 5: _regular(48), 6: _cross()}
"""Class id (order of ``SHAPES_CLASSES``) to an (n, 2) polygon of (x, y)."""
