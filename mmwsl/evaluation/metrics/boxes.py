"""Boxes of a picture's objects, from VOC's XML or from a mask."""

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
        difficult: Whether VOC flags it as hard to recognise.
    """

    name: str
    box: tuple[float, float, float, float]
    difficult: bool = False


def voc_boxes(path: str | Path, backend_args: dict | None = None) -> list[ObjectBox]:
    """Read the boxes of one picture from VOC's XML, which counts pixels from 1.

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
        raise FileNotFoundError(f'{path} does not exist: every picture that is evaluated needs its XML file. Check '
                                '`annotations`.') from error
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
            raise ValueError(f'{path}: object {number} ({name}) has no proper <bndbox>: {", ".join(EDGES)} are '
                             f'{texts}. Correct the file.')
        boxes.append(ObjectBox(name, box, (item.findtext('difficult') or '0').strip() == '1'))
    return boxes


def mask_boxes(mask: np.ndarray, names: Sequence[str]) -> list[ObjectBox]:
    """Return the box of every connected component (8 neighbours) of every class but the first, background.

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
