"""Surfaces of the shapes: each class has its pattern, as each animal has its fur.

The interior of a plain shape says nothing of its class, so a network that learns from tags marks corners and centres
alone. A pattern gives every pixel of an object some evidence.
"""

from collections.abc import Callable

import numpy as np

STRENGTH_RANGE = (0.6, 1.)
PERIOD_JITTER = 0.15

Wave = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Function of two orthogonal phases in radians, (n,) each, to (n,) values that are clipped to [-1, 1]."""

WAVES: dict[int, tuple[float, Wave]] = {
    1: (7., lambda u, v: 3 * np.cos(u) * np.cos(v) - 1),  # circle: dots
    2: (1., lambda u, v: np.zeros_like(u)),  # square: plain
    3: (5., lambda u, v: 2 * np.sin(u)),  # triangle: fine stripes
    5: (9., lambda u, v: 2 * np.sin(u + 2 * np.sin(v))),  # ring: waves
    6: (14., lambda u, v: 5 * np.sin(u) * np.sin(v)),  # cross: large checks
}
"""Class id to the period in pixels, whatever the size of the object, and the wave."""


def draw_pattern(rng: np.random.Generator, label: int, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Draw the pattern of a class, of random phase, direction, period, strength and sign.

    Args:
        rng (np.random.Generator): Source of randomness.
        label (int): Class id, 1 to 6. A star (4) has no wave: it is speckled.
        rows (np.ndarray): (n,) rows of the object's pixels.
        columns (np.ndarray): (n,) columns of them.

    Returns:
        np.ndarray: (n,) float32 weights in [0, 1] between two colours.
    """
    angle, phase_u, phase_v = rng.uniform(0, 2 * np.pi, size=3)
    if label in WAVES:
        period, function = WAVES[label]
        scale = 2 * np.pi / (period * rng.uniform(1 - PERIOD_JITTER, 1 + PERIOD_JITTER))
        cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
        wave = function(cos * columns + sin * rows + phase_u, cos * rows - sin * columns + phase_v)
    else:
        wave = rng.uniform(-2, 2, size=rows.size)
    strength = rng.uniform(*STRENGTH_RANGE) * rng.choice((-1, 1))
    return (0.5 + 0.5 * strength * np.clip(wave, -1, 1)).astype(np.float32)
