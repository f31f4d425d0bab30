"""Masks as PNG files with a palette."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mmwsl.utils.files import atomic_write
from mmwsl.utils.images import read_image

IGNORE_INDEX = 255
IGNORE_COLOR = (224, 224, 192)
"""Color of ignored pixels in the masks of VOC."""


def color_table(palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Return the RGB color of every pixel value, ``(256, 3)`` uint8: the palette, black, and for 255 that of VOC."""
    colors = np.zeros((256, 3), np.uint8)
    colors[: len(palette)] = palette
    colors[IGNORE_INDEX] = IGNORE_COLOR
    return colors


def encode_mask(mask: np.ndarray, palette: Sequence[Sequence[int]]) -> bytes:
    """Return a mask ``(H, W)`` uint8 as the content of a PNG file with a palette."""
    image = Image.fromarray(mask)
    image.putpalette(color_table(palette).tobytes())
    content = io.BytesIO()
    image.save(content, 'PNG')
    return content.getvalue()


def write_mask(path: Path, mask: np.ndarray, palette: Sequence[Sequence[int]]) -> None:
    """Write a mask, see :func:`encode_mask`."""
    with atomic_write(path) as file:
        file.write(encode_mask(mask, palette))


def read_mask(path: Path) -> np.ndarray:
    """Read a mask of class indices, ``(H, W)`` uint8.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file cannot be decoded, or has several channels or another depth.
    """
    image = read_image(path)
    if image.mode not in ('P', 'L'):
        raise ValueError(f'{path}: a mask must be a PNG file of class indices, got mode {image.mode!r}.')
    return np.array(image)
