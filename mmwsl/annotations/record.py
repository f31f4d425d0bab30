"""The record that every tag reader returns, and what the readers share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine import fileio

DIFFICULT = ('present', 'unknown', 'absent')


@dataclass(frozen=True)
class ImageLabelRecord:
    """Image-level labels of one image, as names.

    Attributes:
        image (str): Name of the image as the label file writes it, with or without folder and suffix.
        tags (tuple[str, ...]): Names of the classes present. Empty means a background image.
        unknown (tuple[str, ...]): Names of the classes that may or may not be present.
        source (str): Where the record was read, ``file:line`` where lines exist. For error messages.
        large (tuple[str, ...]): Names of the classes present that are known to take much of the image.
        small (tuple[str, ...]): Names of the classes present that are known to take little of it.
    """

    image: str
    labels: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    source: str = ''
    large: tuple[str, ...] = ()
    small: tuple[str, ...] = ()


def make_record(
    image: str,
    labels: Iterable[str],
    unknown: Iterable[str] = (),
    source: str = '',
    large: Iterable[str] = (),
    small: Iterable[str] = (),
) -> ImageLabelRecord:
    """Build a record: repeated names collapse, and a name both present and unknown is present.

    Raises:
        ValueError: A class has a size that is not present, or two sizes.
    """
    present, large, small = (tuple(dict.fromkeys(names)) for names in (labels, large, small))
    for name in (*large, *small):
        if name not in present:
            raise ValueError(
                f'{source}: image {image!r} has a size of {name!r}, but not its tag '
                f'({", ".join(present) or "none"}). Add the tag or remove the size.'
            )
        if name in large and name in small:
            raise ValueError(f'{source}: image {image!r} says that {name!r} is both large and small. Keep one.')
    unknown = tuple(name for name in dict.fromkeys(unknown) if name not in present)
    return ImageLabelRecord(image, present, unknown, source, large, small)


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
