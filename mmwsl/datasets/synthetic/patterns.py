"""Surface patterns of the shapes, one per class.

The interior of a plain shape does not depend on its class, so a network trained on image-level labels only localizes
corners and centers. With a pattern, every pixel of an object depends on the class.
"""

from collections.abc import Callable

import numpy as np

STRENGTH_RANGE = (0.8, 1.0)
PERIOD_JITTER = 0.1
ANGLE_JITTER = 0.15
"""In radians; the direction of a pattern does not depend on the rotation of the object."""

Wave = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Function of two orthogonal phases in radians, ``(n,)`` each, that returns ``(n,)`` values clipped to [-1, 1]."""

WAVES: dict[int, tuple[float, Wave]] = {
    1: (7.0, lambda u, v: 3 * np.cos(u) * np.cos(v) - 1),  # circle: dots
    2: (1.0, lambda u, v: np.zeros_like(u)),  # square: plain
    3: (6.0, lambda u, v: 2 * np.sin(v)),  # triangle: rows
    4: (6.0, lambda u, v: 2 * np.sin(u)),  # star: columns
    5: (8.5, lambda u, v: 2 * np.sin(u + v)),  # ring: slanting stripes
    6: (10.0, lambda u, v: 5 * np.sin(u) * np.sin(v)),  # cross: checks
}
"""Class id to the period in pixels, independent of the object size, and the wave."""


def draw_pattern(rng: np.random.Generator, label: int, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Draw the pattern of a class with random phase and strength, and jittered direction and period.

    Args:
        rng: Random number generator.
        label: Class id, 1 to 6.
        rows: Rows of the object's pixels, ``(n,)``.
        columns: Columns of the object's pixels, ``(n,)``.

    Returns:
        Weights in [0, 1] between two colors, ``(n,)`` float32.
    """
    period, function = WAVES[label]
    angle = rng.uniform(-ANGLE_JITTER, ANGLE_JITTER)
    phase_u, phase_v = rng.uniform(0, 2 * np.pi, size=2)
    scale = 2 * np.pi / (period * rng.uniform(1 - PERIOD_JITTER, 1 + PERIOD_JITTER))
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    wave = function(cos * columns + sin * rows + phase_u, cos * rows - sin * columns + phase_v)
    return (0.5 + 0.5 * rng.uniform(*STRENGTH_RANGE) * np.clip(wave, -1, 1)).astype(np.float32)
