"""Tags from PASCAL VOC's XML annotations."""

from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from mmengine import fileio

from .record import DIFFICULT, ImageLabelRecord, check_choice, make_record

EDGES = ('xmin', 'ymin', 'xmax', 'ymax')


def read_voc_xml(
    folder: str | Path,
    names: Iterable[str] | None = None,
    difficult: str = 'present',
    large_area: float | None = None,
    backend_args: dict | None = None,
) -> list[ImageLabelRecord]:
    """Read ``Annotations/{name}.xml``: a class is present when an object of it is annotated.

    An object that VOC flags ``difficult`` (small, occluded, hard to recognise) leaves VOC's own classification score
    out of account. Weakly supervised segmentation usually counts it, because its pixels are in the mask; hence
    ``'present'`` is the default here. The option matters only to a class whose every object is difficult.

    Args:
        folder (str | Path): The folder of the XML files.
        names (Iterable[str], optional): Stems to read; those without a file give no record. Defaults to None, all.
        difficult (str): ``'present'``, ``'unknown'`` or ``'absent'``: what a class with only difficult objects is.
        large_area (float, optional): Add size tags: a class present is large if its boxes together cover more than
            this share of the image, else small. Defaults to None, the boxes are not read. That is one bit a class
            beyond the tags, and here it is taken from drawn boxes.
        backend_args (dict, optional): See :mod:`mmengine.fileio`.

    Returns:
        list[ImageLabelRecord]: One record per file read.

    Raises:
        FileNotFoundError: ``folder`` does not exist.
        ValueError: ``large_area`` is not in (0, 1), a file is not XML, or an object has no name, or, where sizes are
            asked for, no proper box.
    """
    check_choice('difficult', difficult, DIFFICULT)
    if large_area is not None and not 0 < large_area < 1:
        raise ValueError(f'`large_area` is a share of the image and must be in (0, 1), got {large_area!r}')
    if not fileio.isdir(folder, backend_args=backend_args):
        raise FileNotFoundError(f'folder of XML annotations {str(folder)!r} does not exist. Check `label_file`.')
    listing = fileio.list_dir_or_file(folder, list_dir=False, suffix='.xml', backend_args=backend_args)
    stems = {entry[:-4] for entry in listing}
    stems = sorted(stems) if names is None else [name for name in names if name in stems]
    return [_read_file(folder, stem, difficult, large_area, backend_args) for stem in stems]


def _read_file(
    folder: str | Path, stem: str, difficult: str, large_area: float | None, backend_args: dict | None
) -> ImageLabelRecord:
    path = fileio.join_path(folder, f'{stem}.xml', backend_args=backend_args)
    try:
        root = ElementTree.fromstring(fileio.get(path, backend_args=backend_args))
    except ElementTree.ParseError as error:
        raise ValueError(f'{path}: not XML ({error}). Fetch the file again.') from error
    sure, hard = [], []
    # direct children only: the parts of a person (head, hand) are named too, one level deeper
    for number, item in enumerate(root.findall('object'), 1):
        name = (item.findtext('name') or '').strip()
        if not name:
            raise ValueError(f'{path}: object {number} has no <name>.')
        (hard if (item.findtext('difficult') or '0').strip() == '1' else sure).append(name)
    tags = sure + hard if difficult == 'present' else sure
    sizes = {} if large_area is None else {name: _covered(root, name, path) > large_area for name in tags}
    return make_record(
        stem,
        tags,
        hard if difficult == 'unknown' else (),
        str(path),
        [name for name, large in sizes.items() if large],
        [name for name, large in sizes.items() if not large],
    )


def _covered(root: ElementTree.Element, name: str, path: str) -> float:
    """Return the share of the image that the boxes of a class cover."""
    try:
        height, width = (int(root.findtext(f'size/{side}')) for side in ('height', 'width'))
        if height < 1 or width < 1:
            raise ValueError(f'an image of {width} x {height}')
        inside = np.zeros((height, width), bool)
        for item in root.findall('object'):
            if item.findtext('name').strip() == name:
                left, top, right, bottom = (round(float(item.findtext(f'bndbox/{edge}'))) for edge in EDGES)
                inside[max(top - 1, 0) : bottom, max(left - 1, 0) : right] = True  # VOC counts from 1
    except (TypeError, ValueError) as error:
        raise ValueError(
            f'{path}: the size of {name!r} cannot be told ({error}): `large_area` needs the <size> of '
            'the image and a <bndbox> of each object. Correct the file, or leave the option '
            'out.'
        ) from error
    return float(inside.mean())
