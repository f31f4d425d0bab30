"""Surfaces of the shapes: each class has its pattern, as each animal has its fur.

The interior of a plain shape says nothing of its class, so a network that learns from tags marks corners and centers
alone. A pattern gives every pixel of an object some evidence.
"""

from collections.abc import Callable

import numpy as np

STRENGTH_RANGE = (0.8, 1.0)
PERIOD_JITTER = 0.1
ANGLE_JITTER = 0.15
"""In radians: a pattern has its direction, however the object is turned."""

Wave = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Function of two orthogonal phases in radians, (n,) each, to (n,) values that are clipped to [-1, 1]."""

WAVES: dict[int, tuple[float, Wave]] = {
    1: (7.0, lambda u, v: 3 * np.cos(u) * np.cos(v) - 1),  # circle: dots
    2: (1.0, lambda u, v: np.zeros_like(u)),  # square: plain
    3: (6.0, lambda u, v: 2 * np.sin(v)),  # triangle: rows
    4: (6.0, lambda u, v: 2 * np.sin(u)),  # star: columns
    5: (8.5, lambda u, v: 2 * np.sin(u + v)),  # ring: slanting stripes
    6: (10.0, lambda u, v: 5 * np.sin(u) * np.sin(v)),  # cross: checks
}
"""Class id to the period in pixels, whatever the size of the object, and the wave."""


def draw_pattern(rng: np.random.Generator, label: int, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Draw the pattern of a class, of random phase and strength; its direction and period vary a little.

    Args:
        rng (np.random.Generator): Source of randomness.
        label (int): Class id, 1 to 6.
        rows (np.ndarray): (n,) rows of the object's pixels.
        columns (np.ndarray): (n,) columns of them.

    Returns:
        np.ndarray: (n,) float32 weights in [0, 1] between two colors.
    """
    period, function = WAVES[label]
    angle = rng.uniform(-ANGLE_JITTER, ANGLE_JITTER)
    phase_u, phase_v = rng.uniform(0, 2 * np.pi, size=2)
    scale = 2 * np.pi / (period * rng.uniform(1 - PERIOD_JITTER, 1 + PERIOD_JITTER))
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    wave = function(cos * columns + sin * rows + phase_u, cos * rows - sin * columns + phase_v)
    return (0.5 + 0.5 * rng.uniform(*STRENGTH_RANGE) * np.clip(wave, -1, 1)).astype(np.float32)
