"""Errors that a user can cause, told from bugs by where they were raised."""

import io
import linecache
import traceback
from pathlib import Path
from pickle import UnpicklingError

PACKAGE = Path(__file__).parents[1]
REGISTRY = 'mmengine/registry'
DEBUG = 'MMWSL_DEBUG'
"""Environment variable that makes commands show the traceback of every error."""
INPUT, FAILURE = 2, 1
"""Exit codes: the input must be corrected; the input is fine, but the command failed."""


def user_message(error: BaseException) -> str | None:
    """Return the message of an error that a user can cause; None for a bug.

    Such an error is one of the operating system (a file, a folder, the disk), one that mmwsl raises on purpose, by a
    ``raise`` statement, or one about a config: of mmengine, or of a class that a config names. Any other error, such as
    a ``KeyError`` of a dictionary, is a bug, and its traceback is needed.

    Args:
        error: The error, with its traceback.
    """
    if isinstance(error, OSError):
        return _text(error)
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return None
    origin = Path(frames[-1].filename)
    folder = origin.parent.as_posix()
    if folder.endswith(REGISTRY):
        # It raises the error of a class again, with the name of the class before the message.
        return user_message(error.__context__) if error.__context__ else _text(error)
    if folder.endswith('mmengine/config'):
        return _text(error)
    if isinstance(error, ValueError) and frames[-1].name == '__init__' and any(REGISTRY in f.filename for f in frames):
        return _text(error)  # an argument that a config gives to a class of a library
    line = linecache.getline(str(origin), frames[-1].lineno or 0)
    return _text(error) if PACKAGE in origin.parents and line.lstrip().startswith('raise') else None


def exit_code(error: BaseException) -> int:
    """Return the exit code for an error that a user can cause: ``INPUT``, or ``FAILURE`` if no input was wrong."""
    missing = (FileNotFoundError, IsADirectoryError, NotADirectoryError, FileExistsError)
    failed = isinstance(error, OSError | RuntimeError) and not isinstance(error, missing)
    return FAILURE if failed else INPUT


def is_rejection(error: BaseException) -> bool:
    """Return whether an error rejects an input: whatever the command has begun may then be removed."""
    rejected = isinstance(error, UnpicklingError) or user_message(error) is not None
    return rejected and exit_code(error) == INPUT


def name_file(error: BaseException, default: str | Path | None = None) -> None:
    """Name the file in an error of the operating system, such as a full disk, that does not say which it is about.

    It is the innermost open file of the functions that raised the error.

    Args:
        error: The error, with its traceback.
        default: The file if there is none.
    """
    if not isinstance(error, OSError) or error.errno is None or error.filename is not None:
        return
    values = (value for frame, _ in traceback.walk_tb(error.__traceback__) for value in frame.f_locals.values())
    names = [getattr(file, 'name', None) for file in values if isinstance(file, io.IOBase)]
    if named := [name for name in names if isinstance(name, str) and not name.startswith('<')] or (
        [str(default)] if default else []
    ):
        error.filename = named[-1].removesuffix('.part')


def _text(error: BaseException) -> str:
    """Return the message of an error, with its file; that of a ``KeyError`` without the quotes around it."""
    name_file(error)
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return text or type(error).__name__
