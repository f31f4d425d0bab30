"""Lists of image names, one per line."""

from mmwsl.utils.files import read_text
from mmwsl.utils.text import shorten


def read_names(path: str, backend_args: dict | None = None, argument: str = '`ann_file`') -> list[str]:
    """Read a list of images, one name per line; empty lines are skipped.

    Args:
        path: The list.
        backend_args: See :mod:`mmengine.fileio`.
        argument: Name of the argument, for errors.

    Raises:
        FileNotFoundError: If ``path`` does not exist.
        ValueError: If a name is listed twice, or the list is empty.
    """
    numbers: dict[str, int] = {}
    for number, line in enumerate(read_text(path, argument, backend_args).splitlines(), 1):
        name = line.strip()
        if name in numbers:
            raise ValueError(f'{path}:{number}: image {shorten(name)} is listed twice (first in line {numbers[name]}).')
        if name:
            numbers[name] = number
    if not numbers:
        raise ValueError(f'{argument} {path!r} is empty: no image is listed.')
    return list(numbers)
