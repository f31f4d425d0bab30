"""Image-level labels from a table with one column per class."""

from collections.abc import Sequence
from pathlib import Path

from mmwsl.utils.text import shorten

from .columns import find_column
from .csv_table import CSVTable, check_column, load_csv
from .record import ImageLabelRecord, make_record

VALUES = {'1': 1, '1.0': 1, 'true': 1, 'yes': 1, '0': 0, '0.0': 0, 'false': 0, 'no': 0, '-1': -1, '-1.0': -1}


def is_one_hot(table: CSVTable) -> bool:
    """Tell whether all columns but one hold 0, 1, -1, true or false in most cells; others are errors of the reader."""
    known = {name: sum(row[name].strip().lower() in VALUES for _, row in table.rows) for name in table.header}
    numbers = [name for name, count in known.items() if 2 * count > len(table.rows)]
    return 0 < len(numbers) == len(table.header) - 1


def read_one_hot(
    path: str | Path,
    image_column: str | None = None,
    class_columns: Sequence[str] | None = None,
    delimiter: str | None = ',',
    backend_args: dict | None = None,
) -> list[ImageLabelRecord]:
    """Read 1 or true as present, 0 or false as absent, -1 as unknown.

    Args:
        path: The table.
        image_column: Header of the column with the image name. None finds a usual name.
        class_columns: Headers of the columns of classes. None takes all but the images.
        delimiter: Separator of the cells; None finds it.
        backend_args: See :mod:`mmengine.fileio`.

    Returns:
        One record per row, in order.

    Raises:
        FileNotFoundError: If ``path`` does not exist.
        ValueError: If a column is missing, a cell has another value, or -1 stands in a table without any 0: there it
            may mean absent.
    """
    table = load_csv(path, delimiter, backend_args)
    image_column = image_column or find_column(table.header, 'image_column', f'{table.path}:1')
    check_column(table, 'image_column', image_column)
    columns = list(class_columns or (name for name in table.header if name != image_column))
    for column in class_columns or ():
        check_column(table, 'class_columns', column)
    records, seen = [], set()
    for source, row in table.rows:
        cells = {column: row[column].strip() for column in columns}
        for column, cell in cells.items():
            if cell.lower() not in VALUES:
                raise ValueError(
                    f'{source}: the cell {shorten(column)} must be 1, 0, -1, true or false, got {shorten(cell)}. '
                    'Correct it, or set `class_columns` to the columns of the classes.'
                )
        values = {column: VALUES[cell.lower()] for column, cell in cells.items()}
        seen |= set(values.values())
        present, unknown = ([column for column in columns if values[column] == value] for value in (1, -1))
        records.append(make_record(row[image_column].strip(), present, unknown, source))
    if -1 in seen and 0 not in seen:
        raise ValueError(
            f'{table.path}: the cells of absent classes must be 0, got only 1 and -1, which means unknown. Write 0 for '
            'absent classes.'
        )
    return records
