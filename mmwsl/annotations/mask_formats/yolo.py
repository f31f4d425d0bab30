"""Masks as YOLO's segmentation labels."""

import json

import numpy as np

from mmwsl.annotations.outlines import mask_polygons
from mmwsl.utils.files import atomic_write

from .writer import MaskWriter


class YOLOWriter(MaskWriter):
    """Writer of one text file per image in ``labels/``, with one polygon per connected component, and ``data.yaml``.

    A line is ``class x1 y1 x2 y2 ...``, relative to the width and height. YOLO has no background, so class ids are one
    lower than the class indices. A hole is joined to the outline by a cut, see
    :func:`mmwsl.annotations.outlines.mask_polygons`. Ignored pixels are in no polygon.
    """

    def _write(self, name: str, key: str, mask: np.ndarray, image: np.ndarray | None) -> str:
        lines = []
        for label in self.present(mask):
            for polygon in mask_polygons(mask == label):
                numbers = (polygon / mask.shape[::-1]).reshape(-1)
                lines.append(' '.join([str(label - 1), *(f'{number:.6f}' for number in numbers)]))
        with atomic_write(self.folder / 'labels' / f'{key}.txt') as file:
            file.write(''.join(f'{line}\n' for line in lines).encode())
        return f'labels/{key}.txt'

    def _close(self) -> None:
        # a JSON string is a valid YAML string
        names = ''.join(f'  {label}: {json.dumps(name)}\n' for label, name in enumerate(self.classes[1:]))
        with atomic_write(self.folder / 'data.yaml') as file:
            file.write(f'path: .\ntrain: images\nval: images\nnames:\n{names}'.encode())
