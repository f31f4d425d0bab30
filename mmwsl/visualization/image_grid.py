"""Image grids: input, ground truth and prediction side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

GAP = 6
HEADER = 22


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
        tile: Size in pixels of the longer side of an image in the grid.

    Returns:
        The grid.

    Raises:
        ValueError: If the columns differ in length.
    """
    lengths = {title: len(images) for title, images in columns.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f'`columns` must have equal lengths, got {lengths}.')
    scaled = {title: [_scale(Image.fromarray(pixels), tile) for pixels in images] for title, images in columns.items()}
    heights = [max(image.height for image in row) for row in zip(*scaled.values(), strict=True)]
    tops = [HEADER + sum(heights[:row]) + GAP * row for row in range(len(heights) + 1)]
    step = tile + GAP
    grid = Image.new('RGB', (GAP + step * len(columns), tops[-1]), 'white')
    draw = ImageDraw.Draw(grid)
    for column, (title, images) in enumerate(scaled.items()):
        left = GAP + step * column
        draw.text((left, GAP // 2), title, fill='black', font=_fitting_font(draw, title, tile))
        for top, image in zip(tops, images, strict=False):
            grid.paste(image, (left, top))
    return grid


def _scale(image: Image.Image, side: int) -> Image.Image:
    """Scale an image so that its longer side has ``side`` pixels."""
    factor = side / max(image.size)
    size = (round(image.width * factor), round(image.height * factor))
    return image.resize(size, Image.Resampling.NEAREST)  # a mask has no colors between those of its classes


def _fitting_font(draw: ImageDraw.ImageDraw, text: str, width: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the largest of a few font sizes at which a text is at most as wide as its column."""
    fonts = [ImageFont.load_default(size) for size in (10, 9, 8, 7, 6)]
    return next((font for font in fonts if draw.textlength(text, font) <= width), fonts[-1])
