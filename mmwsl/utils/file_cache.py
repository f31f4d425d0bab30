"""Folder of cached files with a limited size."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

UNITS = {'': 1, 'b': 1, 'kb': 10**3, 'mb': 10**6, 'gb': 10**9, 'tb': 10**12}
MIN_WRITERS = 4
HASHED = re.compile(r'[0-9a-f]{2}/([0-9a-f]{40}\.np[yz]|tmp\w+\.part)')
"""Paths of features that are named by a hash, and of their partial files."""


def parse_size(size: int | str) -> int:
    """Return a number of bytes, given as such or as a text such as ``'20GB'`` (10^9 bytes each).

    Raises:
        ValueError: If it is neither.
    """
    match = re.fullmatch(r'(\d+(?:\.\d+)?)\s*([kmgt]?b?)', str(size).strip().lower())
    unit = match and (match[2] if match[2] in UNITS else f'{match[2]}b')
    if not match or unit not in UNITS:
        raise ValueError(f"`max_size` must be a number of bytes or a text such as '20GB', got {size!r}.")
    return int(float(match[1]) * UNITS[unit])


class FileCache:
    """Limit of the size of a folder whose files may be deleted at any time.

    When the folder is full, files that nobody used since this object was created are removed, the least recently used
    first. If there is none, new files are rejected: a training that needs more than the limit reads its images in the
    same order again and again, and would remove every file shortly before it is needed.

    Several processes may write into one folder without a lock. Each uses up at most a fraction of the room that is left
    before it measures the folder again.

    Args:
        folder: The folder.
        max_size: Limit in bytes, or a text such as ``'20GB'``.
        writers: Number of processes that write at the same time, if more than four.
        own: Paths of the cached files, relative to the folder. Other files are not counted and never removed. None is
            every file.
    """

    def __init__(
        self, folder: str | Path, max_size: int | str, writers: int = MIN_WRITERS, own: re.Pattern | None = None
    ) -> None:
        self.folder, self.max_size, self.own = Path(folder), parse_size(max_size), own
        self.writers = max(writers, MIN_WRITERS)
        self.full = False
        self._start = time.time() - 1  # file systems round times
        self._allowance = 0

    def touch(self, path: Path) -> None:
        """Mark a file as used."""
        try:
            os.utime(path)
        except OSError:  # deleted in the meantime, or a folder that is only readable
            pass

    def reserve(self, size: int) -> bool:
        """Return whether a file may be written, and count it.

        Args:
            size: Size of the file in bytes, not less than what is written.
        """
        if size > self._allowance and not self.full:
            self._measure(size)
        if size > self._allowance:
            self.full = True
            return False
        self._allowance -= size
        return True

    def _measure(self, wanted: int) -> None:
        """Measure the folder, and remove old files if there is no room."""
        files = sorted(self._files())
        used = sum(size for _, size, _ in files)
        if (self.max_size - used) // self.writers < wanted <= self.max_size // self.writers:
            # A tenth more than necessary: the next removal is not due with the next file.
            target = self.max_size - max(self.max_size // 10, self.writers * wanted)
            for modified, size, path in files:
                if used <= target or modified >= self._start:
                    break
                Path(path).unlink(missing_ok=True)
                used -= size
        self._allowance = (self.max_size - used) // self.writers

    def _files(self) -> Iterator[tuple[float, int, str]]:
        """Yield the time of the last use, the size and the path of every cached file."""
        for folder, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.join(folder, name)
                if self.own and not self.own.fullmatch(Path(path).relative_to(self.folder).as_posix()):
                    continue
                try:
                    status = os.stat(path)
                except FileNotFoundError:  # removed by another process
                    continue
                yield status.st_mtime, status.st_size, path
