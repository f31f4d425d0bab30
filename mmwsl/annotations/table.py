"""One entry for the table formats, chosen by the suffix of the file."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .csv_table import read_csv
from .json_table import read_json, read_jsonl
from .record import ImageLabelRecord

TABLE_READERS: dict[str, Callable[..., Sequence[ImageLabelRecord]]] = {
    '.csv': read_csv,
    '.json': read_json,
    '.jsonl': read_jsonl,
}


def read_table(path: str | Path, **options: Any) -> Sequence[ImageLabelRecord]:
    """Read a table of image-level labels with the reader of its suffix.

    Args:
        path: A ``.csv``, ``.json`` or ``.jsonl`` file.
        **options: Passed to :func:`read_csv`, :func:`read_json` or :func:`read_jsonl`.

    Returns:
        One record per row.

    Raises:
        FileNotFoundError: If ``path`` does not exist.
        ValueError: If the suffix is unknown or the content does not match the format.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in TABLE_READERS:
        raise ValueError(f'`label_file` must end with one of {tuple(TABLE_READERS)}, got {str(path)!r}.')
    return TABLE_READERS[suffix](path, **options)
