"""Masks as one image file each: index PNG, colors, and overlay."""

from typing import ClassVar

import numpy as np
from PIL import Image

from mmwsl.annotations.mask_file import IGNORE_INDEX, color_table, write_mask
from mmwsl.utils.files import atomic_write

from .drawing import add_legend, blend_mask
from .writer import MaskWriter


class PNGWriter(MaskWriter):
    """Writer of class indices as PNG with a palette; nothing is lost."""

    def _write(self, name: str, key: str, mask: np.ndarray, image: np.ndarray | None) -> str:
        write_mask(self.folder / f'{key}.png', mask, self.palette)
        return f'{key}.png'


class ColorWriter(MaskWriter):
    """Writer of the color of every class as RGB PNG; ignored pixels have VOC's color (224, 224, 192)."""

    unique_colors: ClassVar[bool] = True

    def _write(self, name: str, key: str, mask: np.ndarray, image: np.ndarray | None) -> str:
        with atomic_write(self.folder / f'{key}.png') as file:
            Image.fromarray(color_table(self.palette)[mask]).save(file, 'PNG')
        return f'{key}.png'


class OverlayWriter(MaskWriter):
    """Writer of images blended with their masks, with a legend below, as PNG. It is for people, not for tools."""

    needs_image: ClassVar[bool] = True

    def _write(self, name: str, key: str, mask: np.ndarray, image: np.ndarray | None) -> str:
        assert image is not None
        entries = [(self.classes[label], self.palette[label]) for label in self.present(mask)]
        hatched = [('ignored', None)] if (mask == IGNORE_INDEX).any() else []
        legend = [*entries, *hatched] or [('background only', (255, 255, 255))]
        drawing = add_legend(blend_mask(image, mask, self.palette), legend)
        with atomic_write(self.folder / f'{key}.png') as file:
            drawing.save(file, 'PNG')
        return f'{key}.png'
