"""Images in tar shards, read as if they lay in the folder of the shards."""

import os
import tarfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NamedTuple

from mmengine.fileio import LocalBackend, register_backend

SUFFIX = '.tar'


class Member(NamedTuple):
    """Where the bytes of a file are: in a shard, from an offset on."""

    shard: str
    offset: int
    size: int


@register_backend('tar')
class TarBackend(LocalBackend):
    """Local files, and the members of the tar files in a folder as if they were files of this folder.

    A member ``a/x.jpg`` of ``images/000.tar`` or of ``images/001.tar`` is the file ``images/a/x.jpg``. Tables and lists
    name images as in a folder, and shards can be written anew with other members. Ordinary files in the folder, such as
    tables, are read too. Use it by ``backend_args=dict(backend='tar')`` of a dataset and of its loading transforms.

    The headers of the shards are read once per process, and again where a shard has changed; a member is then read from
    its offset. Shards must be without compression, which has no offsets.
    """

    def __init__(self) -> None:
        self._folders: dict[str, tuple[dict[str, tuple[int, int] | None], dict[str, Member]]] = {}

    def get(self, filepath: str | Path) -> bytes:
        """Read a file."""
        member = self._member(str(filepath))
        if member is None:
            return super().get(filepath)
        with open(member.shard, 'rb') as shard:
            shard.seek(member.offset)
            return shard.read(member.size)

    def get_text(self, filepath: str | Path, encoding: str = 'utf-8') -> str:
        """Read a text file."""
        return self.get(filepath).decode(encoding)

    def exists(self, filepath: str | Path) -> bool:
        """Return whether there is a file or folder."""
        return super().exists(filepath) or self._member(str(filepath)) is not None

    def isfile(self, filepath: str | Path) -> bool:
        """Return whether there is a file."""
        return super().isfile(filepath) or self._member(str(filepath)) is not None

    def list_dir_or_file(
        self,
        dir_path: str | Path,
        list_dir: bool = True,
        list_file: bool = True,
        suffix: str | tuple[str, ...] | None = None,
        recursive: bool = False,
    ) -> Iterator[str]:
        """Yield the files in a folder, those in its shards included; see the parent. Shards have no folders."""
        yield from super().list_dir_or_file(dir_path, list_dir, list_file, suffix, recursive)
        names = self._index(str(dir_path)) if list_file and os.path.isdir(dir_path) else {}
        for name in names:
            if (recursive or '/' not in name) and (suffix is None or name.endswith(suffix)):
                yield name

    def _member(self, path: str) -> Member | None:
        """Find a file that is in a shard of a folder above it."""
        if os.path.exists(path):
            return None
        for folder in _folders_above(path):
            name = os.path.relpath(path, folder).replace(os.sep, '/')
            states, members = self._folders.get(folder, ({}, {}))
            member = members.get(name)
            if member is None or _state(member.shard) != states[member.shard]:
                members = self._index(folder) if os.path.isdir(folder) else {}
                member = members.get(name)
            if members:  # the nearest folder with shards
                return member
        return None

    def _index(self, folder: str) -> dict[str, Member]:
        """Return the members of all shards in a folder, by name; the last of several members of a name counts."""
        with os.scandir(folder) as entries:
            states = {shard: _state(shard) for shard in sorted(e.path for e in entries if e.name.endswith(SUFFIX))}
        if folder not in self._folders or self._folders[folder][0] != states:
            members = {name: member for shard in states for name, member in _members(shard)}
            self._folders[folder] = states, members
        return self._folders[folder][1]


def _state(shard: str) -> tuple[int, int] | None:
    """Return what changes when a shard is written anew; None if it is gone."""
    try:
        found = os.stat(shard)
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size


def _folders_above(path: str) -> Generator[str, None, None]:
    while (above := os.path.dirname(path)) != path:
        yield above or '.'
        if not above:
            return
        path = above


def _members(shard: str) -> Iterator[tuple[str, Member]]:
    """Yield the files in a shard.

    Raises:
        ValueError: If it is no tar file without compression, or is cut off.
    """
    try:
        with tarfile.open(shard, 'r:') as archive:
            items = [item for item in archive if item.isfile()]
    except tarfile.TarError as error:
        raise ValueError(f'{shard} must be a tar file without compression, got {error}. Write it again.') from error
    end = os.path.getsize(shard)
    for item in items:
        if item.offset_data + item.size > end:
            raise ValueError(f'{shard} must be a complete tar file, got {end} bytes without the end. Write it again.')
        yield os.path.normpath(item.name).replace(os.sep, '/'), Member(shard, item.offset_data, item.size)
