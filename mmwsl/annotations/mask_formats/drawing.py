"""Masks blended with their images, and legends."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from mmwsl.annotations.mask_file import IGNORE_INDEX, color_table
from mmwsl.utils.font import drawn_texts

OPACITY = 0.5
HATCH = ((235, 235, 235), (70, 70, 70))
"""Colors of the stripes on ignored pixels."""


def blend_mask(image: np.ndarray, mask: np.ndarray, palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Blend an image with the colors of its mask.

    Background stays as it is. Foreground is half image and half color, ignored pixels have diagonal stripes, and both
    have a border in full color.

    Args:
        image: The image, RGB ``(H, W, 3)`` uint8.
        mask: Class indices, 255 is ignored, ``(H, W)`` uint8.
        palette: RGB color of each class.

    Returns:
        The blended image, ``(H, W, 3)`` uint8.
    """
    colors = color_table(palette)[mask]
    width = max(4, min(mask.shape) // 40)
    stripes = np.add.outer(*map(np.arange, mask.shape)) // width % 2
    ignored = mask == IGNORE_INDEX
    colors[ignored] = np.array(HATCH, np.uint8)[stripes[ignored]]
    blended = (image * (1 - OPACITY) + colors * OPACITY).round().astype(np.uint8)
    padded = np.pad(mask, 1, mode='edge')
    neighbors = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    border = np.any([mask != neighbor for neighbor in neighbors], axis=0)
    blended[border] = colors[border]
    return np.where((mask == 0)[..., None], image, blended)


def add_legend(image: np.ndarray, entries: Sequence[tuple[str, Sequence[int] | None]]) -> Image.Image:
    """Add a legend below an image.

    Args:
        image: The image, RGB ``(H, W, 3)`` uint8.
        entries: Names and their RGB colors; None is the striped pattern of ignored pixels.

    Returns:
        The image above its legend; wider than the image if a name is.
    """
    size = max(12, min(image.shape[:2]) // 28)
    font, names = drawn_texts([name for name, _ in entries], size)
    swatch, gap, line = size, size // 2, round(1.6 * size)
    widths = [round(font.getlength(name)) + swatch + 3 * gap for name in names]
    width = max([image.shape[1], *(entry + gap for entry in widths)])
    places, x, y = [], gap, 0
    for entry in widths:
        if x + entry > width and x > gap:
            x, y = gap, y + line
        places.append((x, image.shape[0] + y + gap))
        x += entry
    canvas = Image.new('RGB', (width, image.shape[0] + y + line + gap), 'white')
    canvas.paste(Image.fromarray(image))
    draw = ImageDraw.Draw(canvas)
    for name, (_, color), (x, y) in zip(names, entries, places, strict=True):
        stripes = np.add.outer(np.arange(swatch), np.arange(swatch)) // 4 % 2
        pattern = np.array(HATCH if color is None else [color, color], np.uint8)[stripes]
        canvas.paste(Image.fromarray(pattern), (x, y))
        draw.rectangle((x, y, x + swatch, y + swatch), outline='black')
        draw.text((x + swatch + gap, y + swatch / 2), name, fill='black', font=font, anchor='lm')
    return canvas
