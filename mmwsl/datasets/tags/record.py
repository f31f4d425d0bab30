"""The record that every tag reader returns, and what the readers share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine import fileio

DIFFICULT = ('present', 'unknown', 'absent')


@dataclass(frozen=True)
class TagRecord:
    """Image-level labels of one picture, as names.

    Attributes:
        image (str): Name of the picture as the label file writes it, with or without folder and suffix.
        tags (tuple[str, ...]): Names of the classes present. Empty means a background picture.
        unknown (tuple[str, ...]): Names of the classes that may or may not be present.
        source (str): Where the record was read, ``file:line`` where lines exist. For error messages.
    """

    image: str
    tags: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    source: str = ''


def make_record(image: str, tags: Iterable[str], unknown: Iterable[str] = (), source: str = '') -> TagRecord:
    """Build a record: repeated names collapse, and a name both present and unknown is present."""
    present = tuple(dict.fromkeys(tags))
    return TagRecord(image, present, tuple(name for name in dict.fromkeys(unknown) if name not in present), source)


def read_text(path: str | Path, argument: str = 'label file', backend_args: dict | None = None) -> str:
    """Read a UTF-8 text file, with or without a byte-order mark.

    Args:
        path (str | Path): The file.
        argument (str): What the user gave it as, for errors.
        backend_args (dict, optional): See :mod:`mmengine.fileio`.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not UTF-8 text.
    """
    try:
        return fileio.get_text(path, encoding='utf-8-sig', backend_args=backend_args)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise FileNotFoundError(f'{argument} {str(path)!r} is not a file. Check the path and `data_root`.') from error
    except UnicodeDecodeError as error:
        raise ValueError(f'{path}: not UTF-8 text ({error}). Save the file as UTF-8.') from error


def check_choice(argument: str, value: str, choices: Sequence[str]) -> None:
    """Raise ``ValueError`` when ``value`` is none of ``choices``."""
    if value not in choices:
        raise ValueError(f'`{argument}` must be one of {tuple(choices)}, but got {value!r}.')
