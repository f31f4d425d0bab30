"""Masks of the instances of a COCO file, and semantic masks from them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmwsl.utils.images import MAX_PIXELS
from mmwsl.utils.text import plain, shorten

from .coco import COCOFile, image_names, load_coco
from .mask_file import IGNORE_INDEX
from .rle import segmentation_runs


def coco_masks(file: COCOFile) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the file name and the mask ``(H, W)`` uint8 of each image, in order of the file.

    The categories, sorted by their ids, are the classes 1, 2, ..., and 0 is the background. Large instances are painted
    before small ones, so that where two overlap the smaller one is seen. Pixels of a crowd region (``iscrowd=1``) that
    no instance covers are ignored (255).

    Args:
        file: The file, see :func:`.load_coco`.

    Raises:
        ImportError: If there are polygons and ``pycocotools`` is missing.
        ValueError: If an image has no size, a segmentation is invalid, or there are more than 254 categories.
    """
    if len(file.categories) >= IGNORE_INDEX:
        raise ValueError(f'{file.path}: `categories` must be at most {IGNORE_INDEX - 1}, got {len(file.categories)}.')
    try:
        classes = {category: index for index, category in enumerate(sorted(file.categories), 1)}
    except TypeError as error:
        raise ValueError(f'{file.path}: the ids of `categories` must be numbers, got text among them.') from error
    annotations: dict[Any, list[dict]] = {image: [] for image in file.images}
    for item in file.annotations:
        annotations[item['image_id']].append(item)
    for image, name in file.images.items():
        yield name, _mask(annotations[image], file.sizes[image], classes, f'{file.path}: image {plain(name)}')


def _check_size(size: tuple[Any, Any], source: str) -> None:
    if not all(type(side) is int and side > 0 for side in size) or size[0] * size[1] > MAX_PIXELS:
        raise ValueError(
            f'{source} must have a positive `height` and `width`, of at most {MAX_PIXELS} pixels, got {shorten(size)}.'
        )


def _mask(items: list[dict], size: tuple[Any, Any], classes: dict[Any, int], source: str) -> np.ndarray:
    _check_size(size, source)
    try:
        runs = [segmentation_runs(item.get('segmentation', []), size) for item in items]
    except ValueError as error:
        raise ValueError(f'{source}: {error}') from error
    values = [IGNORE_INDEX if item.get('iscrowd') else classes[item['category_id']] for item in items]
    areas = [int((part[:, 1] - part[:, 0]).sum()) for part in runs]
    pixels = np.zeros(size[0] * size[1], np.uint8)
    for index in sorted(range(len(items)), key=lambda index: (values[index] != IGNORE_INDEX, -areas[index])):
        for start, stop in runs[index]:
            pixels[start:stop] = values[index]
    return pixels.reshape(size[::-1]).T.copy()


@dataclass(frozen=True)
class ObjectMask:
    """Instance of a COCO file.

    Attributes:
        name: Name of its category.
        runs: Its pixels, see :mod:`.rle`, ``(k, 2)``.
        shape: Height and width of the image.
        crowd: Whether it is a region of many objects.
    """

    name: str
    runs: np.ndarray
    shape: tuple[int, int]
    crowd: bool

    def mask(self) -> np.ndarray:
        """Return its pixels as a mask, ``(H, W)`` bool."""
        steps = np.zeros(self.shape[0] * self.shape[1] + 1, np.int8)
        steps[self.runs[:, 0]], steps[self.runs[:, 1]] = 1, -1
        return steps[:-1].cumsum(dtype=np.int8).astype(bool).reshape(self.shape[::-1]).T


def coco_instances(path: str | Path, backend_args: dict | None = None) -> dict[str, list[ObjectMask]]:
    """Read the instances of all images from ``instances_*.json``.

    Args:
        path: The file.
        backend_args: See :mod:`mmengine.fileio`.

    Returns:
        The instances by the image's file name without folder.

    Raises:
        FileNotFoundError: If ``path`` does not exist.
        ImportError: If there are polygons and ``pycocotools`` is missing.
        ValueError: If two images have the same name, an image has no size, or a segmentation is invalid; see
            :func:`.load_coco` for the file.
    """
    file = load_coco(path, '`annotations`', backend_args=backend_args)
    names = image_names(file)
    instances: dict[str, list[ObjectMask]] = {name: [] for name in names.values()}
    for image, name in names.items():
        _check_size(file.sizes[image], f'{path}: image {plain(name)}')
    for item in file.annotations:
        image = item['image_id']
        try:
            runs = segmentation_runs(item.get('segmentation', []), file.sizes[image])
        except ValueError as error:
            raise ValueError(f'{path}: image {plain(names[image])}: {error}') from error
        category = file.categories[item['category_id']]
        instances[names[image]].append(ObjectMask(category, runs, file.sizes[image], bool(item.get('iscrowd'))))
    return instances
