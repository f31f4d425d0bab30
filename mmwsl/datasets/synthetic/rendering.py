"""Rendering of a layout: the mask and the image."""

from collections.abc import Sequence

import cv2
import numpy as np

from .layout import SceneObject
from .outlines import OUTLINES, RING_HOLE
from .patterns import draw_pattern

SHIFT = 4
"""Fractional bits of OpenCV's polygon corners."""
RING_LABEL = 5
MIN_CONTRAST = 140
"""Minimum distance, summed over the channels, between the color of an object and both background colors."""


def render_mask(objects: Sequence[SceneObject], size: int) -> np.ndarray:
    """Render the class ids.

    Args:
        objects: The layout.
        size: Side in pixels.

    Returns:
        The mask, ``(size, size)`` uint8, 0 for background.
    """
    labels = np.array([0, *(item.label for item in objects)], dtype=np.uint8)
    return labels[render_instances(objects, size)]


def render_instances(objects: Sequence[SceneObject], size: int) -> np.ndarray:
    """Render which object is seen in each pixel; later objects are in front.

    Args:
        objects: The layout.
        size: Side in pixels.

    Returns:
        The ids, ``(size, size)`` uint8: 0 for background, 1 to n in the order of ``objects``.
    """
    ids = np.zeros((size, size), dtype=np.uint8)
    for index, item in enumerate(objects, 1):
        ids[_shape(item, size)] = index
    return ids


def render_image(objects: Sequence[SceneObject], size: int, seed: int, index: int) -> np.ndarray:
    """Render the objects on a textured, cluttered background.

    Backgrounds are dull, objects and clutter vivid. The colors of all classes and of the clutter have the same
    distribution: color alone reveals neither the class nor the presence of an object.

    Args:
        objects: The layout.
        size: Side in pixels.
        seed: Random seed of the dataset.
        index: Number of the scene.

    Returns:
        The image, ``(size, size, 3)`` uint8, BGR.
    """
    rng = np.random.default_rng((seed, index, 1))
    behind = rng.uniform(20, 160) + rng.uniform(-40, 40, size=(2, 3))
    image = _blend(behind, _texture(rng, size))
    _clutter(rng, image)
    for item in objects:
        color = _contrasting(rng, behind)
        pixels = np.flatnonzero(_shape(item, size))
        rows, columns = np.divmod(pixels, size)
        weight = draw_pattern(rng, item.label, rows, columns)
        image.reshape(-1, 3)[pixels] = _blend(np.stack([color, color * rng.uniform(0.3, 0.6)]), weight)
    # blur of a lens, then noise of a sensor
    image = cv2.GaussianBlur(image, (3, 3), 0.6)
    noise = rng.standard_normal((size, size, 1), dtype=np.float32) * np.float32(rng.uniform(2, 7))
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def _shape(item: SceneObject, size: int) -> np.ndarray:
    """Return the pixels of an object, ``(size, size)`` bool."""
    canvas = np.zeros((size, size), dtype=np.uint8)

    def fill(radius: float, value: int) -> None:
        cos, sin = np.cos(item.angle), np.sin(item.angle)
        corners = radius * OUTLINES[item.label] @ np.array([[cos, sin], [-sin, cos]]) + (item.x, item.y)
        cv2.fillPoly(canvas, [np.rint(corners * 2**SHIFT).astype(np.int32)], value, shift=SHIFT)

    fill(item.radius, 1)
    if item.label == RING_LABEL:
        fill(item.radius * RING_HOLE, 0)
    return canvas.astype(bool)


def _blend(colors: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Mix two colors ``(3,)`` by weights ``(...)`` in [0, 1]: ``(..., 3)`` float32."""
    first, second = colors.astype(np.float32)
    # one channel at a time: numpy is slow along an axis of length 3
    planes = [weight * (b - a) + a for a, b in zip(first, second, strict=True)]
    return cv2.merge(planes).reshape(*weight.shape, 3)  # OpenCV 4 gives (n, 1, 3) for (n,)


def _texture(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draw smooth noise, stripes or their mean: ``(size, size)`` float32 in [0, 1]."""
    kind = rng.integers(3)
    cells = int(rng.integers(3, 10))
    noise = cv2.resize(rng.random((cells, cells), dtype=np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    angle, periods, phase = rng.uniform(0, np.pi), rng.uniform(1, 8), rng.uniform(0, 2 * np.pi)
    axis = np.arange(size, dtype=np.float32) * np.float32(2 * np.pi * periods / size)
    stripes = 0.5 + 0.5 * np.sin(
        np.float32(np.cos(angle)) * axis[:, None] + np.float32(np.sin(angle)) * axis + np.float32(phase)
    )
    return np.clip((noise, stripes, (noise + stripes) / 2)[kind], 0, 1)


def _vivid(rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw ``(count, 3)`` colors with a strong, a weak and a medium channel in random order."""
    colors = rng.uniform((190, 0, 0), (255, 90, 255), size=(count, 3))
    return rng.permuted(colors, axis=1)


def _contrasting(rng: np.random.Generator, behind: np.ndarray) -> np.ndarray:
    """Draw a color with enough contrast to the ``(2, 3)`` background colors, if one of eight has it."""
    candidates = _vivid(rng, 8)
    contrast = np.abs(candidates[:, None] - behind).sum(axis=-1).min(axis=1)  # (8,)
    enough = contrast > MIN_CONTRAST
    return candidates[enough.argmax() if enough.any() else contrast.argmax()]


def _clutter(rng: np.random.Generator, image: np.ndarray) -> None:
    """Add thin strokes and small ragged blobs, with the color distribution of the objects."""
    size = image.shape[0]
    strokes, blobs = rng.integers((2, 0), (8, 6))
    colors = _vivid(rng, strokes + blobs).tolist()
    for color in colors[:strokes]:
        start = rng.uniform(0, size, size=2)
        steps = rng.normal(0, 0.12 * size, size=(rng.integers(1, 5), 2))
        points = np.concatenate([start[None], start + np.cumsum(steps, axis=0)]).astype(np.int32)
        cv2.polylines(image, [points], False, color, int(rng.integers(1, 3)))
    for color in colors[strokes:]:
        center = rng.uniform(0, size, size=2)
        blob = center + rng.normal(0, 0.03 * size, size=(rng.integers(4, 8), 2))
        cv2.fillPoly(image, [blob.astype(np.int32)], color)
