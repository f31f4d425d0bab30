"""Names of the files that are written for the images of a dataset."""

import os
from collections.abc import Iterator
from typing import Any

from ..utils.images import IMG_EXTENSIONS, stem


def output_names(dataset: Any) -> dict[str, str]:
    """Return the name of each image: its path below the image folder, without suffix.

    The suffix is kept where another image has the name already, as with ``a.jpg`` and ``a.png``. Upper and lower case
    count as equal, as on Windows and macOS.

    Args:
        dataset: A dataset of mmengine, or a wrapper of several.

    Returns:
        The names by ``img_path``.
    """
    paths = [dataset.get_data_info(index)['img_path'] for index in range(len(dataset))]
    root = (getattr(dataset, 'data_prefix', None) or {}).get('img_path') or _common_folder(paths)
    names: dict[str, str] = {}
    taken: set[str] = set()
    for path in dict.fromkeys(paths):
        name = os.path.relpath(path, root).replace('\\', '/')
        if name.startswith('../'):  # listed from elsewhere
            name = os.path.basename(path)
        free = (candidate for candidate in _candidates(name) if candidate.lower() not in taken)
        names[path] = next(free)
        taken.add(names[path].lower())
    return names


def _common_folder(paths: list[str]) -> str:
    folders = {os.path.dirname(path) for path in paths}
    return os.path.commonpath(folders) if folders and len({os.path.isabs(path) for path in paths}) == 1 else ''


def _candidates(name: str) -> Iterator[str]:
    yield stem(name, IMG_EXTENSIONS)
    yield name
    number = 2
    while True:
        yield f'{name}-{number}'
        number += 1
