"""Arrays from ``.npy`` and ``.npz`` files."""

import io
from collections.abc import Collection
from pathlib import Path

import numpy as np

from .files import read_bytes
from .text import plain

MAX_BYTES = 4 << 30
"""Limit of the decompressed arrays of a file, which a thousandth of it can fill."""


def load_npz(
    path: str | Path, names: Collection[str], argument: str = 'array file', backend_args: dict | None = None
) -> dict[str, np.ndarray]:
    """Read arrays of numbers; pickled objects are not loaded.

    Args:
        path: The file.
        names: The arrays to read, if the file has them.
        argument: Name of the argument or kind of the file, for errors.
        backend_args: See :mod:`mmengine.fileio`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is damaged, has Python objects, or more than 4 GiB of arrays.
    """
    content = read_bytes(path, argument, backend_args)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            size = sum(part.file_size for part in archive.zip.infolist() if part.filename.removesuffix('.npy') in names)
            if size > MAX_BYTES:
                raise ValueError(f'the arrays must have at most {MAX_BYTES} bytes, got {size}')
            return {name: archive[name] for name in archive.files if name in names}
    except Exception as error:  # zipfile, zlib and numpy raise many types; whatever it is, the arrays cannot be used
        raise ValueError(
            f'{path}: cannot be read as .npz ({plain(error)}). Write it with np.savez_compressed, from numbers.'
        ) from error


def load_npy(path: str | Path, argument: str = 'array file') -> np.ndarray:
    """Read an array of numbers; pickled objects are not loaded.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is damaged or has Python objects.
    """
    content = read_bytes(path, argument)
    try:
        array: np.ndarray = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except Exception as error:
        raise ValueError(f'{path}: cannot be read as .npy ({plain(error)}). Write it with np.save.') from error
    return array
