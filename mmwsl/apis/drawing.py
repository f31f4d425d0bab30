"""Image grids: what went in, what is true and what was predicted, side by side."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

GAP = 6
HEADER = 22


def colorize_mask(mask: np.ndarray, palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Give every class of a mask its color.

    Args:
        mask (np.ndarray): Class indices, (H, W); one that the palette lacks, such as 255, becomes white.
        palette (Sequence[Sequence[int]]): A color for each class, (K, 3).

    Returns:
        np.ndarray: The colored mask, (H, W, 3) uint8.
    """
    colors = np.full((256, 3), 255, np.uint8)
    colors[: len(palette)] = palette
    return colors[mask]  # (H, W) -> (H, W, 3)


def image_grid(columns: dict[str, Sequence[np.ndarray]], tile: int = 144) -> Image.Image:
    """Lay images out in a grid, one titled column for each kind and one row for each scene.

    Args:
        columns (dict[str, Sequence[np.ndarray]]): Title -> images, each (H, W, 3) uint8, RGB.
        tile (int): Side of an image on the sheet; the longer side of each is scaled to it. Defaults to 144.

    Returns:
        Image.Image: The sheet.

    Raises:
        ValueError: If the columns differ in length.
    """
    lengths = {title: len(images) for title, images in columns.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f'columns must hold one image per scene each, but have {lengths}. Fill them equally.')
    rows = next(iter(lengths.values()))
    step = tile + GAP
    sheet = Image.new('RGB', (GAP + step * len(columns), HEADER + step * rows), 'white')
    draw = ImageDraw.Draw(sheet)
    for column, (title, images) in enumerate(columns.items()):
        left = GAP + step * column
        draw.text((left, GAP // 2), title, fill='black', font=_fitting_font(draw, title, tile))
        for row, image in enumerate(images):
            image = Image.fromarray(image)
            scale = tile / max(image.size)
            # Nearest neighbor: a mask has no colors between those of its classes.
            image = image.resize([round(side * scale) for side in image.size], Image.Resampling.NEAREST)
            sheet.paste(image, (left, HEADER + step * row))
    return sheet


def _fitting_font(draw: ImageDraw.ImageDraw, text: str, width: int) -> ImageFont.ImageFont:
    """Return the largest of a few sizes in which a text is no wider than its column."""
    fonts = [ImageFont.load_default(size) for size in (10, 9, 8, 7, 6)]
    return next((font for font in fonts if draw.textlength(text, font) <= width), fonts[-1])
