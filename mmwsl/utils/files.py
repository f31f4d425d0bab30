"""Files: written whole or not at all, and told apart by their content."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mmwsl.apis.config import dicts_in


@contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """Open a new file that takes its name when it is complete, so that a killed process leaves no half of one.

    Args:
        path (str | Path): The file; its folder is made.

    Yields:
        BinaryIO: The file, for writing.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix='.part', delete=False) as file:
        yield file
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(file.name, 0o666 & ~umask)  # a temporary file is its owner's alone
    os.replace(file.name, path)


def remove_partial_files(folder: Path) -> None:
    """Remove the incomplete files of processes that were killed."""
    for path in folder.rglob('tmp*.part'):
        path.unlink()


def digest_file(path: str | Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def digest_files(config: object) -> dict[str, str]:
    """Return the SHA-256 of every file that a config names.

    A file is a value that is the path of one, below the ``data_root`` of its own dict if that has one.

    Args:
        config (object): Nested dicts and lists.

    Returns:
        dict[str, str]: The digests by path. Folders, addresses and what does not exist have none.
    """
    paths = {
        os.path.join(part.get('data_root') or '', value)
        for part in dicts_in(config)
        for value in part.values()
        if isinstance(value, str)
    }
    return {path: digest_file(path) for path in sorted(paths) if os.path.isfile(path)}
