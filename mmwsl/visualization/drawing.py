"""Masks drawn over their images, with captions and a legend."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mmwsl.utils.font import Font, drawn_texts

from .image_grid import GAP, colorize_mask, font_size, image_grid

MIN_PANEL, MAX_PANEL = 192, 1280
HATCH_PERIOD, HATCH_WIDTH = 8, 3
Color = Sequence[int]


def overlay_mask(
    image: np.ndarray, mask: np.ndarray, palette: Sequence[Color], ignore_index: int = 255, alpha: float = 0.5
) -> np.ndarray:
    """Draw a mask over its image: background transparent, ignored pixels hatched.

    Args:
        image: RGB image, ``(H, W, 3)`` uint8; unchanged.
        mask: Class indices, ``(H, W)``; 0 is the background.
        palette: RGB color of each class, ``(K, 3)``. Classes beyond it are white.
        ignore_index: Index of ignored pixels.
        alpha: Opacity of the colors, in [0, 1].

    Returns:
        The drawing, ``(H, W, 3)`` uint8.

    Raises:
        ValueError: If image and mask differ in size.
    """
    if image.shape[:2] != mask.shape:
        raise ValueError(f'`mask` must have the size {image.shape[:2]} of `image`, got {mask.shape}.')
    ignored = mask == ignore_index
    colored = ((mask > 0) & ~ignored)[..., None]
    blended = image * (1 - alpha) + colorize_mask(mask, palette) * alpha
    drawing = np.where(colored, blended.round().astype(np.uint8), image)
    return np.where(ignored[..., None], hatch(image), drawing)


def hatch(image: np.ndarray) -> np.ndarray:
    """Draw light diagonal stripes over a darkened image, ``(H, W, 3)`` uint8: visible on every color."""
    diagonal = np.add.outer(np.arange(image.shape[0]), np.arange(image.shape[1]))
    stripe = (diagonal % HATCH_PERIOD < HATCH_WIDTH)[..., None]
    return np.where(stripe, 255 - (255 - image) // 4, image // 2).astype(np.uint8)


def draw_legend(
    names: Sequence[str], colors: Sequence[Color | None], width: int, size: int | None = None
) -> Image.Image:
    """Draw a legend: a swatch and a name per entry, in as many lines as the width requires.

    Args:
        names: Names; one that is wider than the legend is cut with an ellipsis.
        colors: RGB color of each name; None is the hatching of ignored pixels.
        width: Width in pixels.
        size: Font size. The default depends on ``width``.

    Returns:
        The legend; without entries it has the height 1.
    """
    font, names = drawn_texts(names, size or font_size(width // 3))
    swatch = round(sum(font.getmetrics()) * 0.8) if isinstance(font, ImageFont.FreeTypeFont) else 11
    line = swatch + 2 * GAP
    places, left, top = [], GAP, 0
    for name in names:
        text = _cut(name, width - swatch - 3 * GAP, font)
        end = left + swatch + GAP + math.ceil(font.getlength(text))
        if end > width - GAP and left > GAP:
            end, left, top = end - left + GAP, GAP, top + line
        places.append((text, left, top))
        left = end + 2 * GAP
    legend = Image.new('RGB', (width, top + line if places else 1), 'white')
    draw = ImageDraw.Draw(legend)
    for (text, left, top), color in zip(places, colors, strict=True):
        box = np.full((swatch, swatch, 3), 128 if color is None else color, np.uint8)
        legend.paste(Image.fromarray(hatch(box) if color is None else box), (left, top + GAP))
        draw.rectangle((left, top + GAP, left + swatch - 1, top + GAP + swatch - 1), outline='gray')
        draw.text((left + swatch + GAP, top + GAP + swatch // 2), text, fill='black', font=font, anchor='lm')
    return legend


def side_by_side(panels: Mapping[str, np.ndarray], legend: Mapping[str, Color | None]) -> Image.Image:
    """Draw images beside each other under their captions, above a legend.

    Small images are enlarged by an integer factor, so that captions fit. Images larger than 1280 pixels are reduced.

    Args:
        panels: RGB image ``(H, W, 3)`` uint8 of each caption.
        legend: RGB color of each name; None is the hatching of ignored pixels.

    Returns:
        The drawing.
    """
    side = max(max(image.shape[:2]) for image in panels.values())
    tile = min(side * math.ceil(MIN_PANEL / side), MAX_PANEL)
    grid = image_grid({caption: [image] for caption, image in panels.items()}, tile)
    entries = draw_legend(list(legend), list(legend.values()), grid.width, font_size(tile))
    drawing = Image.new('RGB', (grid.width, grid.height + entries.height), 'white')
    drawing.paste(grid, (0, 0))
    drawing.paste(entries, (0, grid.height))
    return drawing


def _cut(text: str, width: float, font: Font) -> str:
    """Cut a text with an ellipsis so that it is at most ``width`` wide."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f'{text}...') > width:
        text = text[:-1]
    return f'{text}...'
