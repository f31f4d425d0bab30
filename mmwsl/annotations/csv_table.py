"""Image-level labels from a ``.csv`` table with a header."""

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mmwsl.utils.files import read_text
from mmwsl.utils.text import shorten

from .class_names import check_given
from .columns import check_different, find_column
from .record import ImageLabelRecord, make_record
from .separators import find_separator, split_cell

SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[ \t]*', re.IGNORECASE)
"""First line that Excel writes and reads: it names the separator of the cells."""


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


def load_csv(path: str | Path, delimiter: str | None = ',', backend_args: dict | None = None) -> CSVTable:
    """Parse a table with a header.

    Args:
        path: The table, UTF-8, or UTF-16 with a byte-order mark.
        delimiter: Separator of the cells. None takes the one of ``,``, ``;``, tab and ``|`` that divides the header
            into most columns. A first line ``sep=;`` overrides it.
        backend_args: See :mod:`mmengine.fileio`.

    Raises:
        FileNotFoundError: If ``path`` does not exist.
        ValueError: If the delimiter is not clear, a column has no name of its own, a row has too few or too many
            cells, or is the header again.
    """
    text = read_text(path, backend_args=backend_args)
    first, _, others = text.partition('\n')
    if match := SEPARATOR_LINE.fullmatch(first):
        delimiter, text = match[1], f'\n{others}'  # the lines keep their numbers
    delimiter = delimiter or _find_delimiter(text, str(path))
    reader = csv.reader(io.StringIO(text, newline=''), delimiter=delimiter, strict=True)
    lines = []
    try:
        for cells in reader:
            if cells:
                lines.append((f'{path}:{reader.line_num}', cells))
    except csv.Error as error:
        raise ValueError(f'{path}:{reader.line_num}: not a CSV row ({error}).') from error
    header = [name.strip() for name in lines[0][1]] if lines else []
    twice = next((name for name, count in Counter(header).items() if name and count > 1), None)
    if twice:
        raise ValueError(f'{path}:1: every column must have its own name, got {shorten(twice)} twice. Rename one.')
    character = 'commas' if delimiter == ',' else repr(delimiter)
    for source, cells in lines[1:]:
        if [cell.strip() for cell in cells] == header:
            raise ValueError(f'{source}: a row must be an image, got the header again. Remove the line.')
        if len(cells) != len(header) > 1:  # one column: the header has another delimiter, which is the error to report
            raise ValueError(
                f'{source}: the row must have {len(header)} cells like the header, got {len(cells)}. Quote cells that '
                f'contain {character}, and keep the separator of an empty cell.'
            )
    rows = [(source, dict(zip(header, cells, strict=False))) for source, cells in lines[1:]]
    return CSVTable(str(path), header, rows)


def _find_delimiter(text: str, path: str) -> str:
    """Find the separator of the cells in the header."""
    header = next((line for line in text.splitlines() if line.strip()), '')
    try:
        counts = {mark: len(next(csv.reader([header], delimiter=mark), [])) for mark in (',', ';', '\t', '|')}
    except csv.Error as error:
        raise ValueError(f'{path}:1: not a CSV row ({error}).') from error
    best = [mark for mark, count in counts.items() if count == max(counts.values())]
    if len(best) > 1:
        raise ValueError(
            f'{path}:1: the header must name at least two columns, separated by one of {tuple(counts)}, got '
            f'{header[:60]!r}. Separate the columns by one of them.'
        )
    return best[0]


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
) -> list[ImageLabelRecord]:
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
        delimiter: Separator of the cells; None finds it, see :func:`load_csv`.
        backend_args: See :mod:`mmengine.fileio`.

    Returns:
        One record per row, in order.

    Raises:
        FileNotFoundError: If ``path`` does not exist.
        ValueError: If a column is missing or given twice, ``separator`` does not fit, a row has too few or too many
            cells or no image, or a class with a size label is not present.
    """
    table = load_csv(path, delimiter, backend_args)
    image_column = image_column or find_column(table.header, 'image_column', f'{path}:1')
    label_column = label_column or find_column(table.header, 'label_column', f'{path}:1')
    check_column(table, 'image_column', image_column)
    check_column(table, 'label_column', label_column)
    check_different(image_column, label_column, f'{path}:1')
    columns = (label_column, unknown_column, large_column, small_column)
    cells = [row.get(column, '') for _, row in table.rows for column in columns]
    separator = find_separator(cells, str(path), check_spaces, separator)
    records = []
    for source, row in table.rows:
        present, unknown, large, small = (split_cell(row.get(column, ''), separator) for column in columns)
        check_given([*present, *unknown], source)
        records.append(make_record(row[image_column].strip(), present, unknown, source, large, small))
    return records


def check_column(table: CSVTable, argument: str, column: str) -> None:
    """Check that a table has a column, and in the column of the images a name in every row.

    Raises:
        ValueError: If it is missing, or an image has no name.
    """
    if column not in table.header:
        hint = ' Cells are separated by commas.' if len(table.header) == 1 else ''
        raise ValueError(
            f'{table.path}:1: no column {column!r} in the header {shorten(table.header)}. '
            f'Rename the column, or set `{argument}`.{hint}'
        )
    for source, row in table.rows if argument == 'image_column' else ():
        if not row[column].strip():
            raise ValueError(f'{source}: the cell {shorten(column)} is empty. Write the image name or remove the row.')
