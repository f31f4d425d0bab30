"""One entry for the table formats, chosen by the suffix of the file."""

from pathlib import Path
from typing import Any

from .csv_table import read_csv
from .json_table import read_json, read_jsonl
from .record import ImageLabelRecord

TABLE_READERS = {'.csv': read_csv, '.json': read_json, '.jsonl': read_jsonl}


def read_table(path: str | Path, **options: Any) -> list[ImageLabelRecord]:
    """Read a table of tags with the reader of its suffix.

    Args:
        path (str | Path): A ``.csv``, ``.json`` or ``.jsonl`` file.
        **options: ``image_column``, ``label_column``, ``unknown_column``, ``large_column``, ``small_column``,
            ``separator`` and ``backend_args`` of :func:`read_csv`.

    Returns:
        list[ImageLabelRecord]: One record per row.

    Raises:
        FileNotFoundError: ``path`` does not exist.
        ValueError: The suffix is unknown or the content is not what its reader expects.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in TABLE_READERS:
        raise ValueError(f'`label_file` {str(path)!r} must end with one of {tuple(TABLE_READERS)}.')
    return TABLE_READERS[suffix](path, **options)
