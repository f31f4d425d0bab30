"""Image-level labels from a ``.csv`` table with a header."""

import csv
import io
from pathlib import Path

from mmwsl.utils.files import read_text

from .record import ImageLabelRecord, make_record
from .separators import find_separator, split_cell


def read_csv(
    path: str | Path,
    image_column: str = 'image',
    label_column: str = 'labels',
    unknown_column: str = 'unknown',
    separator: str | None = None,
    large_column: str = 'large',
    small_column: str = 'small',
    backend_args: dict | None = None,
) -> list[ImageLabelRecord]:
    """Read a table with one row per image, such as ``image,labels``.

    Several labels in a cell are separated by ``;``, ``|``, ``,`` (the cell is then quoted) or, if no cell of the
    table contains one of these, by white space. Names of several words in a table where every image has one label
    need ``separator``: without it ``traffic light`` is two names. An empty cell marks a background image.

    Args:
        path: The table, UTF-8.
        image_column: Header of the column with the image name.
        label_column: Header of the column with the classes present.
        unknown_column: Header of an optional column with the classes whose presence is unknown.
        separator: Separator of the names in a cell; None finds it as described.
        large_column: Header of an optional column with the present classes that are large, see
            :class:`mmwsl.models.losses.CCNNLoss`.
        small_column: Header of an optional column with the present classes that are small.
        backend_args: See :mod:`mmengine.fileio`.

    Returns:
        One record per row, in order.

    Raises:
        FileNotFoundError: If ``path`` does not exist.
        ValueError: If a column is missing, a row has too few or too many cells or no image, or a class with a size
            label is not present.
    """
    reader = csv.DictReader(io.StringIO(read_text(path, backend_args=backend_args), newline=''), strict=True)
    header = [name.strip() for name in reader.fieldnames or []]
    reader.fieldnames = header
    for argument, column in (('image_column', image_column), ('label_column', label_column)):
        if column not in header:
            raise ValueError(
                f'{path}:1: no column {column!r} in the header {header}. '
                f'Rename the column, or set `{argument}`. Cells are separated by commas.'
            )
    rows = []
    try:
        for row in reader:
            rows.append((f'{path}:{reader.line_num}', row))
    except csv.Error as error:
        raise ValueError(f'{path}:{reader.reader.line_num}: not a CSV row ({error}).') from error
    for source, row in rows:
        if None in row or None in row.values():
            raise ValueError(
                f'{source}: the row must have {len(header)} cells like the header. '
                'Quote cells that contain commas, and keep the comma of an empty cell.'
            )
        if not row[image_column].strip():
            raise ValueError(f'{source}: the cell {image_column!r} is empty. Write the image name or remove the row.')

    def names(row: dict, column: str) -> list[str]:
        return split_cell(row.get(column, ''), separator)

    columns = (label_column, unknown_column, large_column, small_column)
    separator = separator or find_separator((row.get(column, '') for _, row in rows for column in columns), str(path))
    records = []
    for source, row in rows:
        present, unknown, large, small = (names(row, column) for column in columns)
        records.append(make_record(row[image_column].strip(), present, unknown, source, large, small))
    return records
