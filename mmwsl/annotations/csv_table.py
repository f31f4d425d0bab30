"""Image-level labels from a ``.csv`` table with a header."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import itemgetter
from pathlib import Path

import numpy as np

from mmwsl.utils.collection import paused_collection
from mmwsl.utils.packed_strings import PackedStrings
from mmwsl.utils.text import shorten

from .class_names import check_given
from .columns import check_different, find_column
from .csv_rows import CSVRows, open_csv
from .label_table import LabelTable, Lines, Numbering
from .record import make_record
from .separators import find_separator, split_cell


@dataclass(frozen=True)
class CSVTable:
    """The rows of a table, all with the cells of its header.

    Attributes:
        path: The file.
        header: Names of the columns.
        rows: ``file:line`` and the cells of every row by column.
    """

    path: str
    header: list[str]
    rows: list[tuple[str, dict[str, str]]]


@paused_collection()
def load_csv(path: str | Path, delimiter: str | None = ',', backend_args: dict | None = None) -> CSVTable:
    """Parse a table with a header, see :func:`~.csv_rows.open_csv` for the arguments and errors."""
    table = open_csv(path, delimiter, backend_args)
    rows = [
        (f'{path}:{line}', dict(zip(table.header, cells, strict=False)))
        for lines, block in table.blocks
        for line, cells in zip(lines, block, strict=True)
    ]
    return CSVTable(str(path), table.header, rows)


@paused_collection()
def read_csv(
    path: str | Path,
    image_column: str | None = 'image',
    label_column: str | None = 'labels',
    unknown_column: str = 'unknown',
    separator: str | None = None,
    large_column: str = 'large',
    small_column: str = 'small',
    check_spaces: bool = False,
    delimiter: str | None = ',',
    backend_args: dict | None = None,
) -> LabelTable:
    """Read a table with one row per image, such as ``image,labels``.

    Several labels in a cell are separated by ``;``, ``|``, ``,`` (the cell is then quoted) or, if no cell of the
    table contains one of these, by white space. Names of several words in a table where every image has one label
    need ``separator``: without it ``traffic light`` is two names. A cell may also hold a list ``['cat', 'dog']``. An
    empty cell marks a background image.

    Args:
        path: The table, UTF-8.
        image_column: Header of the column with the image name. None finds a usual name.
        label_column: Header of the column with the classes present. None finds a usual name.
        unknown_column: Header of an optional column with the classes whose presence is unknown.
        separator: Separator of the names in a cell; None finds it as described.
        large_column: Header of an optional column with the present classes that are large, see
            :class:`mmwsl.models.losses.CCNNLoss`.
        small_column: Header of an optional column with the present classes that are small.
        check_spaces: Whether to reject labels such as ``traffic light`` that may be one name or two.
        delimiter: Separator of the cells; None finds it, see :func:`~.csv_rows.open_csv`.
        backend_args: See :mod:`mmengine.fileio`.

    Returns:
        One record per row, in order, stored by columns.

    Raises:
        FileNotFoundError: If ``path`` does not exist.
        ValueError: If a column is missing or given twice, ``separator`` does not fit, a row has too few or too many
            cells or no image, or a class with a size label is not present.
    """
    table = open_csv(path, delimiter, backend_args)
    try:
        image_column = image_column or find_column(table.header, 'image_column', f'{path}:1')
        label_column = label_column or find_column(table.header, 'label_column', f'{path}:1')
        check_header(str(path), table.header, 'image_column', image_column)
    except ValueError:
        table.finish()
        raise
    columns = (label_column, unknown_column, large_column, small_column)
    images, sources, codes, firsts = _read_columns(table, image_column, columns)
    check_header(str(path), table.header, 'label_column', label_column)
    check_different(image_column, label_column, f'{path}:1')
    separator = find_separator((cell for first in firsts for cell in first[2]), str(path), check_spaces, separator)
    kinds = []
    for image, source, cells in firsts:
        present, unknown, large, small = (split_cell(cell, separator) for cell in cells)
        check_given([*present, *unknown], source)
        kinds.append(make_record(image, present, unknown, source, large, small))
    return LabelTable(images, sources, codes, kinds)


def _read_columns(
    table: CSVRows, image_column: str, columns: Sequence[str]
) -> tuple[PackedStrings, Lines, np.ndarray, list[tuple[str, str, list[str]]]]:
    """Return the images, the lines, the number of the cells in ``columns``, and the first row with each number.

    Equal cells have one number: they need to be understood once. A cell of a missing column is empty.
    """
    places = {name: place for place, name in enumerate(table.header)}
    image_place, used = places[image_column], [places[column] for column in columns if column in places]
    images, numbers = PackedStrings(), Numbering()
    codes, numbers_of_lines = [np.zeros(0, np.int32)], [np.zeros(0, np.uint32)]
    firsts, unnamed = [], ''
    for lines, rows in table.blocks:
        names = list(map(str.strip, map(itemgetter(image_place), rows)))
        if '' in names and not unnamed:
            unnamed = f'{table.path}:{lines[names.index("")]}'
        cells = zip(*(map(itemgetter(place), rows) for place in used), strict=True) if used else repeat((), len(rows))
        code, first = numbers.number(cells, len(rows))
        for place in first:
            row = dict(zip(table.header, rows[place], strict=False))
            firsts.append((names[place], f'{table.path}:{lines[place]}', [row.get(column, '') for column in columns]))
        images.append_block(names)
        codes.append(code)
        numbers_of_lines.append(np.array(lines, np.uint32))
    _check_named(unnamed, image_column)
    return images, Lines(f'{table.path}:', np.concatenate(numbers_of_lines)), np.concatenate(codes), firsts


def check_column(table: CSVTable, argument: str, column: str) -> None:
    """Check that a table has a column, and in the column of the images a name in every row.

    Raises:
        ValueError: If it is missing, or an image has no name.
    """
    check_header(table.path, table.header, argument, column)
    if argument == 'image_column':
        _check_named(next((source for source, row in table.rows if not row[column].strip()), ''), column)


def check_header(path: str, header: list[str], argument: str, column: str) -> None:
    """Check that a table has a column.

    Raises:
        ValueError: If it is missing.
    """
    if column not in header:
        hint = ' Cells are separated by commas.' if len(header) == 1 else ''
        raise ValueError(
            f'{path}:1: no column {column!r} in the header {shorten(header)}. '
            f'Rename the column, or set `{argument}`.{hint}'
        )


def _check_named(source: str, column: str) -> None:
    """Check that no image is without a name; ``source`` is the first that is, '' for none."""
    if source:
        raise ValueError(f'{source}: the cell {shorten(column)} is empty. Write the image name or remove the row.')
