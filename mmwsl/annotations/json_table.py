"""Image-level labels from ``.json`` and ``.jsonl`` tables."""

import json
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmwsl.utils.files import atomic_write, parse_json, read_text
from mmwsl.utils.packed_strings import BLOCK, PackedStrings
from mmwsl.utils.text import shorten

from .class_names import check_given
from .columns import check_different, find_column
from .csv_rows import split_lines
from .label_table import LabelTable, Lines, Numbering
from .record import ImageLabelRecord, make_record
from .separators import find_separator, split_cell


def read_json(
    path: str | Path,
    image_column: str | None = 'image',
    label_column: str | None = 'labels',
    unknown_column: str = 'unknown',
    separator: str | None = None,
    large_column: str = 'large',
    small_column: str = 'small',
    check_spaces: bool = False,
    backend_args: dict | None = None,
) -> LabelTable:
    """Read ``[{"image": "a.jpg", "labels": ["cat"]}, ...]`` or ``{"a.jpg": ["cat"], ...}``.

    Labels are a list of names, or one string that is split like a cell of :func:`read_csv`. An empty list marks a
    background image.

    Args:
        path: The file, UTF-8.
        image_column: Key of the image name. None finds a usual name.
        label_column: Key of the classes present. None finds a usual name.
        unknown_column: Optional key of the classes whose presence is unknown.
        separator: Separator of the names in a string; None finds it.
        large_column: Optional key of the classes present that are large.
        small_column: Optional key of the classes present that are small.
        check_spaces: Whether to reject labels such as ``traffic light`` that may be one name or two.
        backend_args: See :mod:`mmengine.fileio`.

    Returns:
        One record per entry, in order, stored by columns.

    Raises:
        FileNotFoundError: If ``path`` does not exist.
        ValueError: If the file is not JSON or has another structure, a key is repeated, an entry has no image or
            labels, or a class with a size label is not present.
    """
    content = parse_json(read_text(path, backend_args=backend_args), path, unique_keys=True)
    if isinstance(content, dict):
        image_column, label_column = image_column or 'image', label_column or 'labels'
        content = [{image_column: image, label_column: labels} for image, labels in content.items()]
    if not isinstance(content, list):
        raise ValueError(
            f'{path}: expected a list of objects or a mapping from image to labels, got {type(content).__name__}.'
        )
    columns = (unknown_column, large_column, small_column)
    entries = enumerate(content)
    return _to_table(entries, str(path), ': entry ', image_column, label_column, columns, separator, check_spaces)


def read_jsonl(
    path: str | Path,
    image_column: str | None = 'image',
    label_column: str | None = 'labels',
    unknown_column: str = 'unknown',
    separator: str | None = None,
    large_column: str = 'large',
    small_column: str = 'small',
    check_spaces: bool = False,
    backend_args: dict | None = None,
) -> LabelTable:
    """Read one ``{"image": "a.jpg", "labels": ["cat"]}`` per line; arguments and errors as in :func:`read_json`.

    A line is parsed at a time: beside the text of the file, only the names of the images and one record per combination
    of labels are kept.
    """
    text = read_text(path, backend_args=backend_args)
    lines = enumerate(split_lines(text), 1)
    entries = (
        (number, parse_json(line, f'{path}:{number}', unique_keys=True)) for number, line in lines if line.strip()
    )
    columns = (unknown_column, large_column, small_column)
    return _to_table(entries, str(path), ':', image_column, label_column, columns, separator, check_spaces)


def _to_table(
    entries: Iterable[tuple[int, Any]],
    path: str,
    mark: str,
    image_column: str | None,
    label_column: str | None,
    other_columns: Sequence[str],
    separator: str | None,
    check_spaces: bool,
) -> LabelTable:
    """Store numbered entries by columns. ``mark`` joins the path and the number of an entry."""
    columns: tuple[str | None, ...] = ()
    images, block, numbers, codes = PackedStrings(), [], array('I'), array('i')
    numbering, firsts = Numbering(), []
    for number, entry in entries:
        if not columns:
            image_column, label_column = _find_columns(entry, image_column, label_column, f'{path}{mark}{number}')
            columns = (label_column, *other_columns)
        if not isinstance(entry, dict) or not isinstance(entry.get(image_column), str) or label_column not in entry:
            raise ValueError(
                f'{path}{mark}{number}: expected an object with the keys {image_column!r} (a string) and '
                f'{label_column!r}, got {shorten(entry)}.'
            )
        cells = [entry.get(column, []) for column in columns]
        key = tuple(tuple(cell) if isinstance(cell, list) else cell for cell in cells)
        if not _is_known(key, numbering):
            _check_cells(dict(zip(columns, cells, strict=True)), f'{path}{mark}{number}')
            firsts.append((entry[image_column], f'{path}{mark}{number}', cells))
        codes.append(numbering[key])
        numbers.append(number)
        block.append(entry[image_column])
        if len(block) == BLOCK:
            images.append_block(block)
            block = []
    if block:
        images.append_block(block)
    cells = [cell for *_, found in firsts for cell in found]
    texts = [cell for cell in cells if isinstance(cell, str)]
    if separator is not None and cells and not texts:
        raise ValueError(f'{path}: `separator` must be left out, got {separator!r}: all labels are lists. Remove it.')
    separator = find_separator(texts, path, check_spaces, separator)
    kinds = []
    for image, source, found in firsts:
        present, unknown, large, small = (
            split_cell(cell, separator) if isinstance(cell, str) else [name.strip() for name in cell] for cell in found
        )
        check_given([*present, *unknown], source)
        kinds.append(make_record(image, present, unknown, source, large, small))
    return LabelTable(images, Lines(f'{path}{mark}', np.array(numbers)), np.array(codes, np.int32), kinds)


def _find_columns(entry: Any, image_column: str | None, label_column: str | None, source: str) -> tuple[str, str]:
    """Return the keys of image and labels, of which the first entry decides."""
    if not isinstance(entry, dict):
        raise ValueError(
            f'{source}: expected an object such as {{"image": "a.jpg", "labels": ["cat"]}}, got {shorten(entry)}.'
        )
    image_column = image_column or find_column(entry, 'image_column', source)
    label_column = label_column or find_column(entry, 'label_column', source)
    check_different(image_column, label_column, source)
    return image_column, label_column


def _is_known(key: tuple, numbering: Numbering) -> bool:
    """Whether equal cells were read before; cells that cannot be compared are wrong."""
    try:
        return key in numbering
    except TypeError:
        return False


def _check_cells(cells: dict[str | None, Any], source: str) -> None:
    for column, labels in cells.items():
        if not isinstance(labels, str | list) or not all(isinstance(name, str) for name in labels):
            raise ValueError(
                f'{source}: {column!r} must be a list of class names or one string, got {shorten(labels)}.'
            )


def write_jsonl(path: str | Path, records: Iterable[ImageLabelRecord]) -> None:
    """Write records as a table that :func:`read_jsonl` reads back, atomically.

    Args:
        path: The file.
        records: The image-level labels; empty ``unknown``, ``large`` and ``small`` are left out.
    """
    with atomic_write(path) as file:
        for record in records:
            optional = dict(unknown=record.unknown, large=record.large, small=record.small)
            given = {key: names for key, names in optional.items() if names}
            entry = dict(image=record.image, labels=record.labels, **given)
            file.write(json.dumps(entry).encode() + b'\n')
