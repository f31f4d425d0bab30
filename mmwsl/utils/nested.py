"""Nested dicts and lists, as configs are."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from .files import digest_file


def dicts_in(config: object) -> Iterator[dict]:
    """Yield every dict within a config, outermost first."""
    if isinstance(config, dict):
        yield config
        config = list(config.values())
    if isinstance(config, list | tuple):
        for value in config:
            yield from dicts_in(value)


def digest_files(config: object) -> dict[str, str]:
    """Return the SHA-256 of every file that a config names.

    A value names a file if it is the path of one, relative to the ``data_root`` of its own dict if that has one.

    Args:
        config: Nested dicts and lists.

    Returns:
        The digests by path. Folders, URLs and missing files have none.
    """
    paths = {
        os.path.join(part.get('data_root') or '', value)
        for part in dicts_in(config)
        for value in part.values()
        if isinstance(value, str)
    }
    return {path: digest_file(path) for path in sorted(paths) if os.path.isfile(path)}


def dataset_paths(config: Mapping[str, Any]) -> list[str]:
    """Return the files and folders that the datasets of a config read: images, masks, lists, tables, proposals."""
    loaders = [config.get(f'{split}_dataloader') for split in ('train', 'val', 'test')]
    return list(dict.fromkeys(paths_in(loaders)))


def paths_in(config: object, root: str = '') -> Iterator[str]:
    """Yield the existing files and folders that a config names, relative to ``root`` or the nearest ``data_root``."""
    if isinstance(config, dict):
        root = config.get('data_root') or root
        for key, value in config.items():
            # Without a folder of their own the images are in the root.
            if isinstance(value, str) and key not in ('type', 'data_root') and (value or key == 'img_path'):
                path = os.path.join(root, value)
                if os.path.exists(path):
                    yield path
            else:
                yield from paths_in(value, root)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from paths_in(value, root)
