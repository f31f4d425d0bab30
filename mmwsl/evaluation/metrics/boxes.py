"""Boxes of an image's objects, from VOC's XML, COCO's JSON or a mask."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from mmengine import fileio
from skimage.measure import label, regionprops

EDGES = ('xmin', 'ymin', 'xmax', 'ymax')


@dataclass(frozen=True)
class ObjectBox:
    """The box of an object.

    Attributes:
        name: Class of the object.
        box: Its first and last pixels, counted from 0: ``(left, top, right, bottom)``.
        difficult: Whether VOC flags it as hard to recognise, or COCO as a crowd.
    """

    name: str
    box: tuple[float, float, float, float]
    difficult: bool = False


def voc_boxes(path: str | Path, backend_args: dict | None = None) -> list[ObjectBox]:
    """Read the boxes of one image from VOC's XML, which counts pixels from 1.

    Args:
        path: The XML file.
        backend_args: See :mod:`mmengine.fileio`.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: It is not XML, or an object has no name or no proper box.
    """
    try:
        root = ElementTree.fromstring(fileio.get(path, backend_args=backend_args))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'{path} does not exist: every image that is evaluated needs its XML file. Check `annotations`.'
        ) from error
    except ElementTree.ParseError as error:
        raise ValueError(f'{path}: not XML ({error}). Fetch the file again.') from error
    boxes = []
    # direct children only: the parts of a person (head, hand) have boxes too, one level deeper
    for number, item in enumerate(root.findall('object'), 1):
        name = (item.findtext('name') or '').strip()
        if not name:
            raise ValueError(f'{path}: object {number} has no <name>.')
        texts = [item.findtext(f'bndbox/{edge}') for edge in EDGES]
        try:
            box = tuple(float(text) - 1 for text in texts)
        except (TypeError, ValueError):
            box = ()
        if not (box and box[0] <= box[2] and box[1] <= box[3]):
            raise ValueError(
                f'{path}: object {number} ({name}) has no proper <bndbox>: {", ".join(EDGES)} are '
                f'{texts}. Correct the file.'
            )
        boxes.append(ObjectBox(name, box, (item.findtext('difficult') or '0').strip() == '1'))
    return boxes


def coco_boxes(path: str | Path, backend_args: dict | None = None) -> dict[str, list[ObjectBox]]:
    """Read the boxes of all images from COCO's ``instances_*.json``, ``[x, y, width, height]`` from 0.

    A box of less than a pixel, which COCO has, is one pixel. A crowd region is difficult.

    Args:
        path: The JSON file.
        backend_args: See :mod:`mmengine.fileio`.

    Returns:
        The boxes by the image's file name, without folder.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: It is not JSON or not of COCO's structure, two images have one name, an annotation refers to an
            unknown image or category, or has no proper box.
    """
    try:
        content = json.loads(fileio.get_text(path, backend_args=backend_args))
        names = {category['id']: category['name'] for category in content['categories']}
        files = {image['id']: Path(image['file_name']).name for image in content['images']}
        annotations = content['annotations']
    except FileNotFoundError as error:
        raise FileNotFoundError(f'{path} does not exist. Check `annotations`.') from error
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not of COCO's structure ({error!r}). Give an `instances_*.json`.") from error
    boxes: dict[str, list[ObjectBox]] = {file: [] for file in files.values()}
    if len(boxes) < len(files):
        twice = next(file for file in boxes if list(files.values()).count(file) > 1)
        raise ValueError(f'{path}: two images are called {twice!r}, and boxes are found by the name.')
    for item in annotations:
        image, category, box = (item.get(key) for key in ('image_id', 'category_id', 'bbox'))
        if image not in files or category not in names:
            raise ValueError(
                f'{path}: annotation {item.get("id")} refers to image {image!r} and category '
                f'{category!r}, which are not both declared in the file.'
            )
        numbers = isinstance(box, list) and len(box) == 4 and all(isinstance(edge, int | float) for edge in box)
        if not (numbers and box[2] >= 0 and box[3] >= 0):
            raise ValueError(
                f'{path}: annotation {item.get("id")} of {files[image]!r} has no proper bbox '
                f'[x, y, width, height]: {box!r}. Correct the file.'
            )
        left, top, width, height = box
        edges = (left, top, left + max(width, 1) - 1, top + max(height, 1) - 1)
        boxes[files[image]].append(ObjectBox(names[category], edges, bool(item.get('iscrowd'))))
    return boxes


def mask_boxes(mask: np.ndarray, names: Sequence[str]) -> list[ObjectBox]:
    """Return the box of every connected component (8 neighbors) of every class but the first, background.

    Objects of one class that touch are one component, and an object that another one cuts is several.

    Args:
        mask: Class of every pixel; values of no class are ignored, ``(H, W)``.
        names: The classes.
    """
    mask = np.where((mask > 0) & (mask < len(names)), mask, 0)
    components = label(mask, background=0, connectivity=2)
    boxes = []
    for region in regionprops(components):
        top, left, bottom, right = region.bbox
        boxes.append(ObjectBox(names[mask[tuple(region.coords[0])]], (left, top, right - 1, bottom - 1)))
    return boxes
