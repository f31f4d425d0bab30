"""Image-level labels from ``.json`` and ``.jsonl`` tables."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mmwsl.utils.files import atomic_write, parse_json, read_text
from mmwsl.utils.text import shorten

from .class_names import check_given
from .columns import check_different, find_column
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
) -> list[ImageLabelRecord]:
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
        One record per entry, in order.

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
    entries = [(f'{path}: entry {index}', entry) for index, entry in enumerate(content)]
    columns = (unknown_column, large_column, small_column)
    return _to_records(entries, str(path), image_column, label_column, columns, separator, check_spaces)


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
) -> list[ImageLabelRecord]:
    """Read one ``{"image": "a.jpg", "labels": ["cat"]}`` per line; arguments and errors as in :func:`read_json`."""
    text = read_text(path, backend_args=backend_args)
    lines = [(f'{path}:{number}', line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    entries = [(source, parse_json(line, source, unique_keys=True)) for source, line in lines]
    columns = (unknown_column, large_column, small_column)
    return _to_records(entries, str(path), image_column, label_column, columns, separator, check_spaces)


def _to_records(
    entries: list[tuple[str, Any]],
    path: str,
    image_column: str | None,
    label_column: str | None,
    other_columns: Sequence[str],
    separator: str | None,
    check_spaces: bool,
) -> list[ImageLabelRecord]:
    if entries:
        source, keys = entries[0]
        if not isinstance(keys, dict):
            raise ValueError(
                f'{source}: expected an object such as {{"image": "a.jpg", "labels": ["cat"]}}, got {shorten(keys)}.'
            )
        image_column = image_column or find_column(keys, 'image_column', source)
        label_column = label_column or find_column(keys, 'label_column', source)
        check_different(image_column, label_column, source)
    columns = (label_column, *other_columns)
    for source, entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get(image_column), str) or label_column not in entry:
            raise ValueError(
                f'{source}: expected an object with the keys {image_column!r} (a string) and '
                f'{label_column!r}, got {shorten(entry)}.'
            )
        for column in columns:
            labels = entry.get(column, [])
            if not isinstance(labels, str | list) or not all(isinstance(name, str) for name in labels):
                raise ValueError(
                    f'{source}: {column!r} must be a list of class names or one string, got {shorten(labels)}.'
                )
    cells = [entry.get(column, []) for _, entry in entries for column in columns]
    texts = [cell for cell in cells if isinstance(cell, str)]
    if separator is not None and cells and not texts:
        raise ValueError(f'{path}: `separator` must be left out, got {separator!r}: all labels are lists. Remove it.')
    separator = find_separator(texts, path, check_spaces, separator)

    def names(entry: dict, column: str | None) -> list[str]:
        labels = entry.get(column, [])
        return split_cell(labels, separator) if isinstance(labels, str) else [name.strip() for name in labels]

    records = []
    for source, entry in entries:
        present, unknown, large, small = (names(entry, column) for column in columns)
        check_given([*present, *unknown], source)
        records.append(make_record(entry[image_column], present, unknown, source, large, small))
    return records


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
