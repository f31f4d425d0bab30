"""Errors that a user can cause, told from bugs by where they were raised."""

import linecache
import re
import traceback
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
REGISTRY = 'mmengine/registry'
DEBUG = 'MMWSL_DEBUG'
"""Environment variable that makes commands show the traceback of every error."""
WORKER = re.compile(r'Caught \w+ in .*\.\nOriginal Traceback')
"""Text of an error in a process that loads data: torch raises it again with its traceback as the message."""
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
    if WORKER.match(str(error)):
        return _worker_message(error)
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
    return _text(error) if _raises(origin, frames[-1].lineno or 0) else None


def exit_code(error: BaseException) -> int:
    """Return the exit code for an error that a user can cause: ``INPUT``, or ``FAILURE`` if no input was wrong."""
    missing = (FileNotFoundError, IsADirectoryError, NotADirectoryError, FileExistsError)
    failed = isinstance(error, OSError | RuntimeError) and not isinstance(error, missing)
    return FAILURE if failed else INPUT


def _raises(file: Path, line: int) -> bool:
    """Return whether a line of mmwsl raises an error on purpose."""
    return PACKAGE in file.parents and linecache.getline(str(file), line).lstrip().startswith('raise')


def _worker_message(error: BaseException) -> str | None:
    """Return the message of an error in a process that loads data, as :func:`user_message` does."""
    *_, frame = re.finditer(r'^  File "(.+)", line (\d+), in .*$', str(error), re.MULTILINE)
    # Source lines are indented; the type and the message follow.
    lines = str(error)[frame.end() :].strip('\n').split('\n')
    start = next((index for index, line in enumerate(lines) if not line.startswith(' ')), 0)
    message = '\n'.join(lines[start:]).partition(': ')[2].strip()
    return message if isinstance(error, OSError) or _raises(Path(frame[1]), int(frame[2])) else None


def _text(error: BaseException) -> str:
    """Return the message of an error; that of a ``KeyError`` without the quotes around it."""
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return text or type(error).__name__
