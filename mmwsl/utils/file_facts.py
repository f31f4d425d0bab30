"""Facts about files, such as the size of an image: read in parallel, and stored until a file changes."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .cores import available_cores
from .file_cache import FileCache
from .files import atomic_write

CACHE = 'MMWSL_CACHE'
"""Environment variable that names the folder of the caches, an absolute path."""
MAX_SIZE = '400MB'
MAX_FILES = 300_000
"""Maximum number of files of a folder that are stored."""
SETTLED = 2 * 10**9
"""Nanoseconds after which a change of a file changes its time on every file system."""

VERSION = 3
"""Version of the format of the stores."""

Facts = dict[str, Any]
Entry = tuple[int, int, int, Facts]


def file_facts(
    paths: Sequence[str],
    read: Callable[[str], Facts],
    kind: str,
    advance: Callable[[int], object] = lambda steps: None,
    threads: int | None = None,
) -> list[Facts]:
    """Return facts about files. A file is read again only if its size or its times changed.

    The time of the last change of its state counts too: a copy may have the time of modification of its source.

    The facts are stored per folder in :func:`store_folder`. A store that is damaged or cannot be written costs time
    only. Facts with the key ``error`` are not stored.

    Args:
        paths: Local files.
        read: Returns the facts of a file, which JSON can represent; ``error`` says why a file cannot be read.
        kind: Name of the facts, a part of a file name; another ``read`` needs another name.
        advance: Called with the number of files that were read.
        threads: Number of files that are read at a time; that of the available CPU cores by default.

    Returns:
        The facts of each path.
    """
    paths = [os.path.abspath(path) for path in paths]
    stores: dict[str, _Store] = {}
    found: dict[str, Facts] = {}
    unread: dict[str, os.stat_result | None] = {}
    for path in dict.fromkeys(paths):
        folder, name = os.path.split(path)
        status = _stat(path)
        if folder not in stores:
            stores[folder] = _Store(folder, kind)
        facts = None if status is None else stores[folder].find(name, status)
        if facts is None:
            unread[path] = status
        else:
            found[path] = facts
    advance(len(found))
    start = time.time_ns()
    pool = ThreadPoolExecutor(threads or available_cores())
    try:
        for (path, status), facts in zip(unread.items(), pool.map(read, unread), strict=True):
            found[path] = facts
            if status is not None and 'error' not in facts and start - status.st_mtime_ns > SETTLED:
                stores[os.path.dirname(path)].add(os.path.basename(path), status, facts)
            advance(1)
    finally:
        pool.shutdown(cancel_futures=True)
        for store in stores.values():
            store.write()
    return [found[path] for path in paths]


def store_folder() -> Path | None:
    """Return the folder of the stored facts: in ``CACHE``, or in the user's cache folder; None if there is none."""
    base = os.environ.get(CACHE) or os.path.join(
        os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'mmwsl'
    )
    return Path(base, 'file_facts') if os.path.isabs(base) else None


class _Store:
    """Facts of the files in one folder: a file whose first line is the digest of the JSON that follows."""

    def __init__(self, folder: str, kind: str) -> None:
        base = store_folder()
        name = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:24]
        self.path = base and base / f'{kind}-{VERSION}-{name}'
        self.entries = dict(self._read())
        self.added: dict[str, Entry] = {}

    def find(self, name: str, status: os.stat_result) -> Facts | None:
        """Return the facts of a file; None if it is unknown or changed."""
        *state, facts = self.entries.get(name, (-1, -1, -1, {}))
        return facts if state == [status.st_size, status.st_mtime_ns, status.st_ctime_ns] else None

    def add(self, name: str, status: os.stat_result, facts: Facts) -> None:
        """Add the facts of a file."""
        self.added[name] = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, facts)

    def write(self) -> None:
        """Write what was added, and what other processes wrote in the meantime."""
        if not self.added or self.path is None:
            return
        entries = {name: entry for name, entry in self._read() if name not in self.added} | self.added
        content = json.dumps(dict(list(entries.items())[-MAX_FILES:])).encode()
        try:
            if FileCache(self.path.parent, MAX_SIZE).reserve(len(content)):
                with atomic_write(self.path) as file:
                    file.write(_digest(content) + b'\n' + content)
        except OSError:  # a full disk, or a folder that is only readable
            pass

    def _read(self) -> Iterator[tuple[str, Entry]]:
        try:
            digest, _, content = self.path.read_bytes().partition(b'\n') if self.path else (b'', b'', b'')
        except OSError:
            return
        if digest == _digest(content):
            yield from json.loads(content).items()


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None
