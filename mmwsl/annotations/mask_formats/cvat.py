"""Masks as CVAT's "Segmentation mask 1.1", a ZIP archive in the layout of PASCAL VOC."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar
from zipfile import ZIP_STORED, ZipFile

import numpy as np
from PIL import Image

from mmwsl.annotations.mask_file import IGNORE_COLOR, color_table
from mmwsl.utils.files import atomic_write

from .writer import MaskWriter

FILE = 'masks.zip'


class CVATWriter(MaskWriter):
    """Writer of ``masks.zip`` for *Upload annotations* of a task that has the same images and labels.

    ``SegmentationClass`` contains the colors that ``labelmap.txt`` names, background black. ``SegmentationObject``
    contains one object per class, because CVAT makes a shape of each object. Ignored pixels are in no object.

    Raises:
        ValueError: If a class name contains a character that separates the fields of ``labelmap.txt``, or two
            classes have one color.
    """

    unique_colors: ClassVar[bool] = True

    def __init__(self, folder: str | Path, classes: Sequence[str], palette: Sequence[Sequence[int]]) -> None:
        super().__init__(folder, classes, [(0, 0, 0), *palette[1:]])
        wrong = next((name for name in classes if {':', '\n', '#'} & set(name)), None)
        if wrong is not None:
            raise ValueError(f"`classes` must be names without ':', '#' and line breaks for CVAT, got {wrong!r}.")

    def _open(self) -> None:
        self.output = self.folder / FILE
        file = self._stack.enter_context(atomic_write(self.output))
        self._zip = self._stack.enter_context(ZipFile(file, 'w', ZIP_STORED))  # PNG files are compressed already
        self._colors = color_table(self.palette)
        self._objects = object_colors(256)
        self._names: list[str] = []

    def _write(self, name: str, key: str, mask: np.ndarray, image: np.ndarray | None) -> str:
        objects = np.zeros(256, np.uint8)
        objects[self.present(mask)] = np.arange(len(self.present(mask))) + 1
        self._add_image(f'SegmentationClass/{key}.png', self._colors[mask])
        self._add_image(f'SegmentationObject/{key}.png', self._objects[objects[mask]])
        self._names.append(key)
        return f'{FILE}/SegmentationClass/{key}.png'

    def _add_image(self, name: str, pixels: np.ndarray) -> None:
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, 'PNG')
        self._zip.writestr(name, content.getvalue())

    def _close(self) -> None:
        colors = [*zip(self.classes, self._colors.tolist(), strict=False), ('ignored', IGNORE_COLOR)]
        lines = [f'{name}:{red},{green},{blue}::\n' for name, (red, green, blue) in colors]
        self._zip.writestr('labelmap.txt', ''.join(['# label:color_rgb:parts:actions\n', *lines]))
        self._zip.writestr('ImageSets/Segmentation/default.txt', ''.join(f'{name}\n' for name in self._names))


def object_colors(count: int) -> np.ndarray:
    """Return the first colors of PASCAL VOC's color map, by which CVAT tells objects apart, ``(count, 3)`` uint8.

    The bits of the index are dealt in turn to red, green and blue, the highest bits of a color first.
    """
    index = np.arange(count)
    colors = np.zeros((count, 3), np.uint8)
    for place in range(8):
        for channel in range(3):
            colors[:, channel] |= ((index >> (3 * place + channel) & 1) << (7 - place)).astype(np.uint8)
    return colors
