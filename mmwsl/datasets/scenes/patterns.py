"""Surfaces of the shapes: each class has its pattern, as each animal has its fur.

The interior of a plain shape says nothing of its class, so a network that learns from tags marks corners and centres
alone. A pattern gives every pixel of an object some evidence.
"""

from collections.abc import Callable

import numpy as np

PERIOD_RANGE = (6., 9.)
"""Period of the patterns in pixels, whatever the size of the object."""
STRENGTH_RANGE = (0.5, 1.)

# functions of two orthogonal phases in radians, (n,) each, to about [-1, 1]
WAVES: dict[int, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    1: lambda u, v: 2 * np.cos(u) * np.cos(v) - 1,  # circle: dots
    2: lambda u, v: 2 * np.sin(u) * np.sin(v),  # square: checks
    3: lambda u, v: np.sin(u),  # triangle: stripes
    5: lambda u, v: np.sin(u + 2 * np.sin(v)),  # ring: waves
    6: lambda u, v: 2 * np.maximum(np.cos(u), np.cos(v)) - 1,  # cross: grid
}


def draw_pattern(rng: np.random.Generator, label: int, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Draw the pattern of a class, of random phase, direction, period, strength and sign.

    Args:
        rng (np.random.Generator): Source of randomness.
        label (int): Class id, 1 to 6. Stars (4), which have no wave, are speckled.
        rows (np.ndarray): (n,) rows of the object's pixels.
        columns (np.ndarray): (n,) columns of them.

    Returns:
        np.ndarray: (n,) float32 weights in [0, 1] between two colours.
    """
    angle, phase_u, phase_v = rng.uniform(0, 2 * np.pi, size=3)
    scale = 2 * np.pi / rng.uniform(*PERIOD_RANGE)
    if label in WAVES:
        cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
        wave = WAVES[label](cos * columns + sin * rows + phase_u, cos * rows - sin * columns + phase_v)
    else:
        wave = rng.uniform(-2, 2, size=rows.size)
    strength = rng.uniform(*STRENGTH_RANGE) * rng.choice((-1, 1))
    return (0.5 + 0.5 * strength * np.clip(wave, -1, 1)).astype(np.float32)
