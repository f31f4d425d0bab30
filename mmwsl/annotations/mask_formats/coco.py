"""Masks as COCO's ``annotations.json``."""

import json
from typing import Any

import numpy as np

from mmwsl.annotations.rle import encode_counts, mask_runs, rle_boxes
from mmwsl.utils.files import atomic_write

from .writer import MaskWriter

FILE = 'annotations.json'


class COCOWriter(MaskWriter):
    """Writer of one file with compressed run-length encodings, as ``pycocotools`` reads them.

    Each class in an image is one annotation. Connected components would look like instances, which they are not: an
    occluded object has several, and touching objects have one. ``category_id`` is the class index, without background.
    Ignored pixels are in no annotation.
    """

    def _open(self) -> None:
        self.output = self.folder / FILE
        self._file = self._stack.enter_context(atomic_write(self.output))
        self._images: list[dict[str, Any]] = []
        self._count = 0
        categories = [dict(id=label, name=name) for label, name in enumerate(self.classes) if label]
        self._file.write(f'{{"categories": {json.dumps(categories)},\n"annotations": ['.encode())

    def _write(self, name: str, key: str, mask: np.ndarray, image: np.ndarray | None) -> str:
        height, width = mask.shape
        self._images.append(dict(id=len(self._images) + 1, file_name=name, width=width, height=height))
        for label in self.present(mask):
            runs = mask_runs(mask == label)
            left, top, right, bottom = rle_boxes([runs], mask.shape)[0].tolist()
            counts = np.diff(runs.reshape(-1), prepend=0, append=mask.size)
            if not counts[-1]:
                counts = counts[:-1]
            self._count += 1
            annotation = dict(
                id=self._count,
                image_id=len(self._images),
                category_id=label,
                segmentation=dict(size=[height, width], counts=encode_counts(counts)),
                area=int((runs[:, 1] - runs[:, 0]).sum()),
                bbox=[left, top, right - left, bottom - top],
                iscrowd=0,
            )
            separator = ',\n' if self._count > 1 else ''
            self._file.write(f'{separator}{json.dumps(annotation)}'.encode())
        return FILE

    def _close(self) -> None:
        self._file.write(f'],\n"images": {json.dumps(self._images)}}}\n'.encode())
