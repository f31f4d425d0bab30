"""Image grids: input, ground truth and prediction side by side."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

from mmwsl.utils.font import Font, drawn_texts

GAP = 6


def colorize_mask(mask: np.ndarray, palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Give every class of a mask its color.

    Args:
        mask: Class indices, ``(H, W)``; an index beyond the palette, such as 255, becomes white.
        palette: RGB color of each class, ``(K, 3)``.

    Returns:
        The colored mask, ``(H, W, 3)`` uint8.
    """
    colors = np.full((256, 3), 255, np.uint8)
    colors[: len(palette)] = palette
    return colors[mask]


def image_grid(columns: Mapping[str, Sequence[np.ndarray]], tile: int = 144) -> Image.Image:
    """Lay images out in a grid with one titled column per kind and one row per image.

    Args:
        columns: Images of each title, RGB ``(H, W, 3)`` uint8.
        tile: Size in pixels of the longer side of an image in the grid. A column is as wide as its widest image or its
            title, at most ``tile``.

    Returns:
        The grid.

    Raises:
        ValueError: If the columns differ in length.
    """
    lengths = {title: len(images) for title, images in columns.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f'`columns` must have equal lengths, got {lengths}.')
    header = font_size(tile) + 2 * GAP
    scaled = {title: [_scale(Image.fromarray(pixels), tile) for pixels in images] for title, images in columns.items()}
    heights = [max(image.height for image in row) for row in zip(*scaled.values(), strict=True)]
    tops = [header + sum(heights[:row]) + GAP * row for row in range(len(heights) + 1)]
    titles = {title: _fitting_font(title, tile) for title in scaled}
    widths = [
        max([math.ceil(font.getlength(drawn)), *(image.width for image in images)])
        for (font, drawn), images in zip(titles.values(), scaled.values(), strict=True)
    ]
    grid = Image.new('RGB', (GAP + sum(min(width, tile) + GAP for width in widths), tops[-1]), 'white')
    draw = ImageDraw.Draw(grid)
    left = GAP
    for width, (title, images) in zip(widths, scaled.items(), strict=True):
        draw.text((left, GAP // 2), titles[title][1], fill='black', font=titles[title][0])
        for top, image in zip(tops, images, strict=False):
            grid.paste(image, (left, top))
        left += min(width, tile) + GAP
    return grid


def font_size(tile: int) -> int:
    """Return the font size of texts beside images of ``tile`` pixels: 10 to 20."""
    return min(max(tile // 16, 10), 20)


def _scale(image: Image.Image, side: int) -> Image.Image:
    """Scale an image so that its longer side has ``side`` pixels."""
    factor = side / max(image.size)
    size = (round(image.width * factor), round(image.height * factor))
    if size == image.size:
        return image
    return image.resize(size, Image.Resampling.NEAREST)  # a mask has no colors between those of its classes


def _fitting_font(text: str, width: int) -> tuple[Font, str]:
    """Return the largest font at which a text is at most as wide as its column, and the text as it is drawn."""
    for size in range(font_size(width), 5, -1):
        font, (drawn,) = drawn_texts([text], size)
        if font.getlength(drawn) <= width:
            break
    return font, drawn
