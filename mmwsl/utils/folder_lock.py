"""Lock of a folder, so that two commands do not write into it at the same time."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .files import nearest_existing, remove_empty_folders, remove_partial_files_of

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

ATTEMPTS = 10
_held: dict[tuple[int, int], int] = {}  # open folders that this process has locked, by device and inode


class FolderInUseError(BlockingIOError):
    """Error: another command writes into a folder."""


@contextmanager
def folder_lock(folder: str | Path, argument: str = '--out', wait: bool = False) -> Iterator[None]:
    """Lock a folder while a command writes into it. A block within a block of the same folder does nothing.

    The lock is one of the operating system on the folder itself. It leaves no file, and ends with its process, also if
    that is killed. Without such locks, on Windows and on many network file systems, nothing is locked.

    Args:
        folder: The folder. It is made, and removed again if it is empty after the block.
        argument: Name of the argument, for the error.
        wait: Whether to wait for the lock.

    Raises:
        FolderInUseError: If another process has locked it, and ``wait`` is not set.
    """
    folder = Path(folder)
    existing = nearest_existing(folder)
    for attempt in range(ATTEMPTS):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder, os.O_RDONLY)
        except OSError:  # a file, or a folder that cannot be read: the command says so where it writes
            yield
            return
        key = _identity(os.fstat(descriptor))
        if fcntl is None or key in _held:
            os.close(descriptor)
            yield
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            os.close(descriptor)
            raise FolderInUseError(
                f'{argument} must be a folder that no other command writes into, got {str(folder)!r}. Wait until the '
                'other command ends, or pass another folder.'
            ) from error
        except OSError:  # a file system without locks
            pass
        # Another folder has the name if the command that held the lock has removed it. Some network file systems number
        # a folder anew each time: there the lock is kept as it is.
        if _is_folder(folder, key) or attempt == ATTEMPTS - 1:
            break
        os.close(descriptor)
    _held[key] = descriptor
    try:
        yield
    finally:
        remove_empty_folders(folder, existing)
        del _held[key]
        os.close(descriptor)


def _is_folder(path: Path, key: tuple[int, int]) -> bool:
    try:
        return _identity(os.stat(path)) == key
    except OSError:
        return False


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


@contextmanager
def file_lock(path: str | Path, argument: str = '--out', make_folder: bool = False) -> Iterator[None]:
    """Lock a file while a command makes it, as :func:`folder_lock` does, by an empty hidden folder beside it.

    Partial files of the file, which interrupted commands left, are removed.

    Args:
        path: The file.
        argument: Name of the argument, for the error.
        make_folder: Whether the command makes the folder of the file. Otherwise nothing is locked if there is none.

    Raises:
        FolderInUseError: If another process has locked it.
    """
    path = Path(path)
    with ExitStack() as stack:
        if not path.name or path.is_dir() or not (make_folder or path.parent.is_dir()):
            yield
            return
        try:
            stack.enter_context(folder_lock(path.with_name(f'.{path.name}.lock'), argument))
        except FolderInUseError as error:
            raise FolderInUseError(
                f'{argument} must be a file that no other command writes, got {str(path)!r}. Wait until the other '
                'command ends, or pass another file.'
            ) from error
        remove_partial_files_of(path)
        yield


def _forget() -> None:
    """Close the locked folders in a forked process: a worker that outlives a killed command holds no lock."""
    for descriptor in _held.values():
        os.close(descriptor)
    _held.clear()


if fcntl is not None:
    os.register_at_fork(after_in_child=_forget)
