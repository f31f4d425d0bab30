"""Images to predict: files, folders, URLs and arrays, each with a unique name."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import numpy as np
from mmengine import fileio

from mmwsl.utils.image_files import is_image
from mmwsl.utils.images import IMG_EXTENSIONS, check_names, list_files, list_images, skipped_images
from mmwsl.utils.text import first_five, shorten

Source = str | Path | np.ndarray
"""A file, a folder, a URL, or a BGR image ``(H, W, 3)`` uint8."""


class ImageInput(NamedTuple):
    """An image to predict.

    Attributes:
        name: Its unique name, with suffix, and with the subfolders of its folder: ``sub/a.jpg``.
        source: Path or URL of the file, or a BGR image ``(H, W, 3)`` uint8.
    """

    name: str
    source: str | np.ndarray


def list_inputs(inputs: Source | Sequence[Source], names: Sequence[str] | None = None) -> list[ImageInput]:
    """List the images of files, folders, URLs and arrays.

    A folder contributes the images in it and in its subfolders, see :func:`mmwsl.utils.images.list_images`, each named
    by its path below the folder. A file is named by its last component, an array by its position: ``000003.png``. Where
    two names are equal, the folders above them are added until they differ. An image given twice is listed once.

    Args:
        inputs: One source or a list. Remote paths are read by mmengine's file backends.
        names: Names of the images in place of those above; one per image.

    Raises:
        FileNotFoundError: If a local path does not exist.
        TypeError: If a source is neither a path nor an array.
        ValueError: If there are no images, an array is not an image, or ``names`` are not unique or not one per image.
    """
    sources = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    found: dict[object, tuple[str, str, str | np.ndarray]] = {}  # folder, name in it and source, by path or position
    missing = []
    for position, source in enumerate(sources):
        if isinstance(source, np.ndarray):
            found[position] = ('', f'{position:06d}.png', _check_array(source, position))
            continue
        if not isinstance(source, str | os.PathLike):
            raise TypeError(f'`inputs` must be paths, URLs or arrays, got {shorten(source)} at position {position}.')
        path = os.fspath(source)
        if not path:
            raise ValueError(f'`inputs` must be paths, URLs or arrays, got an empty text at position {position}.')
        try:
            backend = fileio.get_file_backend(path)
        except KeyError as error:
            raise ValueError(f'`inputs` must be paths or http URLs, got {path!r}.') from error
        local = isinstance(backend, fileio.LocalBackend)
        path = os.path.abspath(path) if local else path.rstrip('/')
        if hasattr(backend, 'isdir') and backend.isdir(path):  # HTTP has no folders
            for name in list_images(path):
                found.setdefault(f'{path}/{name}', (path, name, f'{path}/{name}'))
        elif local and not os.path.isfile(path):
            missing.append(os.fspath(source))
        elif local and not path.lower().endswith(IMG_EXTENSIONS) and not is_image(path):
            raise ValueError(f'`inputs` must be images or folders of images, got {os.fspath(source)!r}.')
        else:
            found.setdefault(path, (path.rpartition('/')[0], _file_name(path, local), path))
    if missing:
        raise FileNotFoundError(f'`inputs` must be existing files or folders, got {first_five(map(repr, missing))}.')
    if not found:
        raise ValueError(f'`inputs` must contain images, got none in {first_five(map(repr, sources))}. Check the path.')
    unique = unique_names([(folder, name) for folder, name, _ in found.values()]) if names is None else list(names)
    if wrong := [name for name in unique if not isinstance(name, str) or not name]:
        raise ValueError(f'`names` must be texts, got {shorten(wrong[0])}.')
    if len(unique) != len(found) or len(set(unique)) != len(unique):
        raise ValueError(
            f'`names` must be one unique name per image, got {len(set(unique))} names for {len(found)} images.'
        )
    check_names(unique, '`inputs`')
    return [ImageInput(name, source) for name, (*_, source) in zip(unique, found.values(), strict=True)]


def skipped_inputs(inputs: Source | Sequence[Source]) -> list[str]:
    """List the images in folders whose format :func:`list_inputs` leaves out."""
    sources = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    folders = [source for source in sources if isinstance(source, str | Path) and os.path.isdir(source)]
    return [name for folder in folders for name in skipped_images(list_files(os.fspath(folder)))]


def unique_names(files: Sequence[tuple[str, str]]) -> list[str]:
    """Name files by their path below a folder, preceded by as many parent folders as make the names unique.

    Args:
        files: Folder and path below it of each file; the files are distinct.
    """
    names = [name for _, name in files]
    deepest = max((folder.count('/') + 1 for folder, _ in files), default=0)
    for depth in range(1, deepest + 1):
        counts = Counter(names)
        if len(counts) == len(names):
            break
        parents = ['/'.join([part for part in folder.split('/') if part][-depth:]) for folder, _ in files]
        names = [
            f'{parent}/{name}' if counts[before] > 1 else before
            for parent, (_, name), before in zip(parents, files, names, strict=True)
        ]
    return names


def _file_name(path: str, local: bool) -> str:
    """Return the last component of a path, or of the path in a URL without its query."""
    name = PurePosixPath(path if local else unquote(urlsplit(path).path)).name
    return 'image' if name in ('', '..') else name


def _check_array(array: np.ndarray, position: int) -> np.ndarray:
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or 0 in array.shape:
        raise ValueError(
            f'`inputs` must be BGR images (H, W, 3) uint8, got {array.shape} {array.dtype} at position {position}. '
            'Convert it.'
        )
    return array
