"""Masks as COCO's ``annotations.json``."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from skimage.measure import label as connected_components

from mmwsl.annotations.rle import encode_counts, mask_runs, rle_boxes
from mmwsl.utils.files import atomic_write

from .writer import MaskWriter

MIN_FRACTION = 0.01
"""Smallest instance, as a fraction of the image; IRN (Ahn et al., CVPR 2019) drops smaller pieces."""
FILE = 'annotations.json'


class COCOWriter(MaskWriter):
    """Writer of one file with compressed run-length encodings, as ``pycocotools`` reads them.

    Each class in an image is one annotation. Connected components would look like instances, which they are not: an
    occluded object has several, and touching objects have one. ``id`` is unique over the file. ``category_id`` is the
    class index, without background: readers match categories by name. Ignored pixels are in no annotation.
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
        for label, region in self._regions(mask):
            runs = mask_runs(region)
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

    def _regions(self, mask: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the class and the pixels ``(H, W)`` bool of each annotation of an image."""
        for label in self.present(mask):
            yield label, mask == label

    def _close(self) -> None:
        self._file.write(f'],\n"images": {json.dumps(self._images)}}}\n'.encode())


class COCOInstanceWriter(COCOWriter):
    """Writer of instances as pseudo-masks, to train an instance segmentation network on.

    Unlike its parent, each 4-connected component of a class is one annotation. Without ids of instances, touching
    objects of a class are one instance, and an occluded object is several.

    Args:
        folder: The folder of the outputs; it is created.
        classes: Class names, background first.
        palette: RGB color of each class.
        min_fraction: Components with a smaller fraction of the pixels of the image are in no annotation, in [0, 1].

    Raises:
        ValueError: If ``min_fraction`` is out of range, or the classes and colors do not fit.
    """

    def __init__(
        self,
        folder: str | Path,
        classes: Sequence[str],
        palette: Sequence[Sequence[int]],
        min_fraction: float = MIN_FRACTION,
    ) -> None:
        super().__init__(folder, classes, palette)
        if not 0 <= min_fraction <= 1:
            raise ValueError(f'`min_fraction` must be in [0, 1], got {min_fraction}.')
        self.min_fraction = min_fraction
        self._instances: np.ndarray | None = None

    def write(
        self, name: str, mask: np.ndarray, image: np.ndarray | None = None, instances: np.ndarray | None = None
    ) -> None:
        """Write the instances of an image.

        Args:
            name: See :meth:`MaskWriter.write`.
            mask: See :meth:`MaskWriter.write`.
            image: Not needed.
            instances: Ids that keep the instances of a class apart, ``(H, W)`` integers, and join their components.
                None uses the connected components.

        Raises:
            ValueError: If ``instances`` is not as above; see :meth:`MaskWriter.write`.
        """
        if instances is not None and (instances.shape != mask.shape or instances.dtype.kind not in 'iu'):
            raise ValueError(
                f'{name}: `instances` must be {mask.shape} integers, got {instances.shape} {instances.dtype}.'
            )
        self._instances = instances
        super().write(name, mask, image)

    def _regions(self, mask: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        for label, region in super()._regions(mask):
            ids = connected_components(region, connectivity=1) if self._instances is None else self._instances
            found, areas = np.unique(ids[region], return_counts=True)
            for one in found[areas >= self.min_fraction * mask.size]:
                yield label, region & (ids == one)
