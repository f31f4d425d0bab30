"""PASCAL VOC's XML annotations: parsed once, for image-level labels and boxes."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmengine import fileio

from mmwsl.utils.files import read_bytes
from mmwsl.utils.images import MAX_PIXELS
from mmwsl.utils.text import check_choice, plain, shorten

from .boxes import Box, ObjectBox
from .record import DIFFICULT, ImageLabelRecord, make_record
from .xml_file import parse_xml

EDGES = ('xmin', 'ymin', 'xmax', 'ymax')


@dataclass(frozen=True)
class VOCObject:
    """An object of an XML file.

    Attributes:
        name: Its class.
        difficult: Whether VOC flags it as hard to recognize.
        bndbox: Texts of the edges ``(xmin, ymin, xmax, ymax)``; None where missing.
        source: Where it was read, for errors.
    """

    name: str
    difficult: bool
    bndbox: tuple[str | None, ...]
    source: str

    @property
    def box(self) -> Box:
        """First and last pixels, counted from 0 (VOC counts from 1): ``(left, top, right, bottom)``.

        Raises:
            ValueError: If the box is missing or invalid.
        """
        try:
            left, top, right, bottom = (float(text or '') - 1 for text in self.bndbox)
        except ValueError:
            left = right = top = bottom = float('nan')
        if not (-float('inf') < left <= right < float('inf') and -float('inf') < top <= bottom < float('inf')):
            raise ValueError(
                f'{self.source}: <bndbox> must have {", ".join(EDGES)} in order, got {shorten(list(self.bndbox))}. '
                'Correct the file.'
            )
        return left, top, right, bottom


@dataclass(frozen=True)
class VOCAnnotation:
    """The content of an XML file.

    Attributes:
        path: The file.
        objects: Its objects, without their parts.
        sides: Texts of the image's height and width; None where missing.
    """

    path: str
    objects: list[VOCObject]
    sides: tuple[str | None, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the image.

        Raises:
            ValueError: If the size is missing or invalid.
        """
        try:
            height, width = (int(text or '') for text in self.sides)
        except ValueError:
            height = width = 0
        if height < 1 or width < 1 or height * width > MAX_PIXELS:
            raise ValueError(
                f'{self.path}: <size> must have a positive <height> and <width>, of at most {MAX_PIXELS} pixels, got '
                f'{shorten(list(self.sides))}. Correct the file.'
            )
        return height, width


def load_voc_xml(path: str | Path, backend_args: dict | None = None) -> VOCAnnotation:
    """Parse an XML file of VOC.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not XML, or an object has no name.
    """
    root = parse_xml(read_bytes(path, 'XML annotation', backend_args), path)
    if root.tag != 'annotation':
        raise ValueError(f'{path}: the root must be <annotation>, got <{plain(root.tag)}>. Remove or replace the file.')
    objects = []
    # direct children only: the parts of a person (head, hand) have names and boxes too, one level deeper
    for number, item in enumerate(root.findall('object'), 1):
        name = (item.findtext('name') or '').strip()
        if not name:
            raise ValueError(f'{path}: object {number} has no <name>.')
        difficult = (item.findtext('difficult') or '0').strip() == '1'
        bndbox = tuple(item.findtext(f'bndbox/{edge}') for edge in EDGES)
        objects.append(VOCObject(name, difficult, bndbox, f'{path}: object {number} ({plain(name)})'))
    return VOCAnnotation(str(path), objects, tuple(root.findtext(f'size/{side}') for side in ('height', 'width')))


def read_voc_xml(
    folder: str | Path,
    names: Iterable[str] | None = None,
    difficult: str = 'present',
    large_area: float | None = None,
    backend_args: dict | None = None,
) -> list[ImageLabelRecord]:
    """Read image-level labels from ``Annotations/{name}.xml``: a class is present if an object of it is annotated.

    VOC's own classification score ignores objects flagged ``difficult`` (small, occluded, hard to recognize). Weakly
    supervised segmentation usually counts them, because the mask contains their pixels; hence the default
    ``'present'``. The option only matters for a class whose every object is difficult.

    Args:
        folder: The folder of the XML files.
        names: Stems to read, or None for all; names without a file give no record.
        difficult: Label of a class that only has difficult objects: ``'present'``, ``'unknown'`` or ``'absent'``.
        large_area: Adds size labels: a class is large if its boxes together cover more than this fraction of the
            image, else small. This is one bit per class beyond the image-level labels, taken from drawn boxes. None
            reads no boxes.
        backend_args: See :mod:`mmengine.fileio`.

    Returns:
        One record per file.

    Raises:
        FileNotFoundError: If ``folder`` does not exist.
        ValueError: If ``large_area`` is not in (0, 1), a file is invalid, or size labels need a missing size or box.
    """
    check_choice('difficult', difficult, DIFFICULT)
    if large_area is not None and not 0 < large_area < 1:
        raise ValueError(f'`large_area` must be a fraction of the image in (0, 1), got {large_area!r}.')
    if not fileio.isdir(folder, backend_args=backend_args):
        raise FileNotFoundError(f'folder of XML annotations {str(folder)!r} does not exist. Check `label_file`.')
    listing = fileio.list_dir_or_file(folder, list_dir=False, suffix='.xml', backend_args=backend_args)
    stems = {entry[:-4] for entry in listing}
    records = []
    for stem in sorted(stems) if names is None else [name for name in names if name in stems]:
        path = fileio.join_path(folder, f'{stem}.xml', backend_args=backend_args)
        annotation = load_voc_xml(path, backend_args)
        easy = [item.name for item in annotation.objects if not item.difficult]
        hard = [item.name for item in annotation.objects if item.difficult]
        labels = easy + hard if difficult == 'present' else easy
        large = set() if large_area is None else {n for n in set(labels) if _covered(annotation, n) > large_area}
        small = () if large_area is None else [name for name in labels if name not in large]
        unknown = hard if difficult == 'unknown' else ()
        records.append(make_record(stem, labels, unknown, str(path), [n for n in labels if n in large], small))
    return records


def _covered(annotation: VOCAnnotation, name: str) -> float:
    """Return the fraction of the image that the boxes of a class cover."""
    inside = np.zeros(annotation.size, bool)
    for item in annotation.objects:
        if item.name == name:
            left, top, right, bottom = (round(edge) for edge in item.box)
            inside[max(top, 0) : max(bottom + 1, 0), max(left, 0) : max(right + 1, 0)] = True
    return float(inside.mean())


def voc_boxes(path: str | Path, backend_args: dict | None = None) -> list[ObjectBox]:
    """Read the boxes of one image from its XML file.

    Args:
        path: The XML file.
        backend_args: See :mod:`mmengine.fileio`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not XML, or an object has no name or no valid box.
    """
    try:
        annotation = load_voc_xml(path, backend_args)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'{path} does not exist: every evaluated image needs its XML file. Check `annotations`.'
        ) from error
    return [ObjectBox(item.name, item.box, item.difficult) for item in annotation.objects]
