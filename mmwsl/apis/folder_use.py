"""Commands that write into a folder alone."""

import copy
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from mmengine.config import Config

from mmwsl.apis.launch import in_first_process, join_processes
from mmwsl.utils.folder_lock import folder_lock

Arguments = ParamSpec('Arguments')
Result = TypeVar('Result')


def writes_alone(
    folder: Callable[[Mapping[str, Any]], str | Path], argument: str = '--out'
) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """Return a decorator of a function that writes into a folder: the folder is locked while the function runs.

    Of several processes with a ``launcher``, the first has the lock, and all raise its error.

    Args:
        folder: Returns the folder, given the arguments of the function by name.
        argument: Name of the argument, for the error.

    Returns:
        The decorator. The function raises :class:`mmwsl.utils.folder_lock.FolderInUseError` if another command writes
        into the folder.
    """

    def decorate(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def locked(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            given = signature.bind(*args, **kwargs).arguments
            with locked_folders({argument: folder(given)}, given.get('cfg'), given.get('launcher', 'none')):
                return function(*args, **kwargs)

        return locked

    return decorate


@contextmanager
def locked_folders(
    folders: Mapping[str, str | Path | None], cfg: Config | None = None, launcher: str = 'none'
) -> Iterator[None]:
    """Lock folders while a block runs; of several processes with a ``launcher``, the first has the locks.

    Args:
        folders: Folder, or None, by the name of the argument.
        cfg: The config, which a ``launcher`` needs.
        launcher: Launcher of the processes.

    Raises:
        FolderInUseError: If another command writes into one of the folders.
    """
    if launcher != 'none':
        join_processes(copy.deepcopy(cfg), launcher)
    with ExitStack() as stack:

        def lock() -> None:
            for argument, folder in folders.items():
                if folder:
                    stack.enter_context(folder_lock(folder, argument))

        in_first_process(lock)
        yield
