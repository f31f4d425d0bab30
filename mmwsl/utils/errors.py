"""Errors that a user can cause, told from bugs by where they were raised."""

import errno
import io
import linecache
import logging
import re
import traceback
from pathlib import Path
from pickle import UnpicklingError
from types import FrameType
from urllib.error import URLError

from .text import shorten

PACKAGE = Path(__file__).parents[1]
REGISTRY, STORES = 'mmengine/registry', 'mmengine/fileio'
LIBRARIES = ('mmengine', 'mmcv', 'mmseg', 'mmdet')
REJECTIONS = (TypeError, ValueError, AssertionError, IndexError, AttributeError)
"""Errors of a constructor that gets a wrong argument."""
MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EROFS)
"""Errors of the operating system that are no matter of the input: disk, memory, limits."""
BUSY = (BlockingIOError, ConnectionError, TimeoutError, URLError)
"""Errors that may be gone later: a folder in use, the network."""
ADVICE = {
    errno.ENAMETOOLONG: 'The file system does not allow names of this length: shorten it.',
    errno.EACCES: 'Change the permissions of the file or of its folder, or pass another path.',
    errno.EPERM: 'Change the owner or the permissions of the file or of its folder, or pass another path.',
}
"""What to do about errors of the operating system."""
KNOWN = {
    'stack expects each tensor to be equal size': 'The images of a batch must have one size: cut them, with a '
    'RandomCrop, or resize them to at most `data_preprocessor.size`, or set batch_size=1.',
    'should be of equal size': 'The samples of a batch must hold the same things: end the pipeline with the transform '
    'that packs them, such as mmwsl.PackImageLabelInputs.',
    "'gt_sem_seg'": "The metric compares masks, which the pipeline must load: add dict(type='LoadAnnotations') before "
    'the transform that packs.',
    'in registry under scope': 'A `type` of the config is misspelled, or its module is not in `custom_imports`.',
    'Too many open files': 'The limit of open files is too low: raise it with `ulimit -n`, or use fewer workers.',
    'out of memory': 'The device has too little memory: set a smaller train_dataloader.batch_size or smaller images.',
    'DataLoader worker': 'A process that loads images was ended, often because memory is short: set num_workers=0 to '
    'see its error.',
}
"""Errors of libraries that the sizes of the data or of the machine cause, and what to do."""
SHARED_MEMORY = '/dev/shm'
"""Folder of the shared memory of processes, and of their semaphores."""
OUTPUT = 'standard output'
"""Its name in an error, in place of a file."""
SEMAPHORES = ('multiprocessing', 'synchronize.py')
"""Module that makes them."""
URL = re.compile(r'[a-z][a-z0-9+.-]+://')
HINT = '(--debug shows where)'
DEBUG = 'MMWSL_DEBUG'
"""Environment variable that makes commands show the traceback of every error."""
WORKER = re.compile(r'Caught \w+ in .*\.\nOriginal Traceback')
"""Text of an error in a process that loads data: torch raises it again with its traceback as the message."""
FRAME = re.compile(r'^  File "(.+)", line (\d+), in .*$', re.MULTILINE)
"""Line of a traceback."""
INPUT, FAILURE = 2, 1
"""Exit codes: the input must be corrected; the input is fine, but the command failed."""


def user_message(error: BaseException) -> str | None:
    """Return the message of an error that a user can cause; None for a bug.

    Such an error is one of the operating system (a file, a folder, the disk), of a package that is missing or too old,
    or of a pickle, one
    that mmwsl or a library of OpenMMLab raises on purpose, by a ``raise`` or an ``assert`` statement (an ``assert`` of
    mmwsl is a bug), one of building a class from a config, or one of ``KNOWN``. Any other error, such as a ``KeyError``
    of a dictionary, is a bug, and its traceback is needed.

    Args:
        error: The error, with its traceback.
    """
    if WORKER.match(str(error)):
        return _worker_message(error)
    if isinstance(error, OSError):
        return error_text(error)
    if store := _store(error):
        return (
            f'{store!r} cannot be read: mmengine needs a client for such URLs that is installed and lists folders, got '
            f'{type(error).__name__}: {error_text(error).splitlines()[0].rstrip(".")}. Copy the files to a disk. {HINT}'
        )
    if isinstance(error, ImportError | UnpicklingError):
        own = isinstance(error, ImportError) and (error.name or '').split('.')[0] == PACKAGE.name
        return None if own else error_text(error)
    if not error.__traceback__:
        return None
    origin, number = _origin(error)
    line = linecache.getline(str(origin), number).lstrip()
    if _raises(origin, number):
        return error_text(error)
    if REGISTRY in origin.parent.as_posix():
        # It raises the error of a class again, with the name of the class before the message.
        return user_message(error.__context__) if error.__context__ else _part_message(error)
    if (built := _built_class(error)) and isinstance(error, REJECTIONS):
        return f'`{built}` cannot be built from the config: {error_text(error)} {HINT}'
    if advice := next((advice for text, advice in KNOWN.items() if text in str(error)), ''):
        return f'{error_text(error).splitlines()[0]}. {_odd_image(error)}{advice} {HINT}'
    meant = line.startswith(('raise', 'assert')) and any(name in origin.parts for name in LIBRARIES)
    return f'{error_text(error)} {HINT}' if meant else None


def _odd_image(error: BaseException) -> str:
    """Return a sentence about the image of a batch whose size is another than that of the others; '' if none is known.

    Its path and size stand in the samples that a function of the stack was given.
    """
    for frame, _ in traceback.walk_tb(error.__traceback__):
        samples = frame.f_locals.get('data_samples')
        facts = [getattr(sample, 'metainfo', {}) for sample in samples] if isinstance(samples, list) else []
        sizes = [fact.get('img_shape', ())[:2] for fact in facts]
        most = max(map(sizes.count, sizes), default=0)
        odd = [fact for fact, size in zip(facts, sizes, strict=True) if sizes.count(size) < most]
        fact = max(odd or facts, key=lambda fact: max(fact.get('img_shape', (0,))[:2]), default={})
        if len(set(sizes)) > 1 and 'img_path' in fact:
            height, width = fact['img_shape'][:2]
            return f'Image {fact["img_path"]!r} has {width} x {height} pixels. '
    return ''


def _part_message(error: BaseException) -> str:
    """Return the message of a part of a config that mmengine cannot build, with the class that it is a part of."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    part = frame.f_locals.get('cfg')
    if not isinstance(error, TypeError) or isinstance(part, dict):
        return error_text(error)
    built = _built_class(error)
    text = f'`{built}` cannot be built from the config: a part of it' if built else 'a part of the config'
    return f'{text} must be a dict with a `type`, got {shorten(part)}. {HINT}'


def library_message(error: BaseException) -> str | None:
    """Return the message of an error that a library raised while it ran what a config describes.

    A setting that does not fit, such as the number of channels, ends in any error of torch, mmcv or mmseg; so does a
    bug of mmwsl. None for an error that mmwsl raised itself.

    Args:
        error: The error, with its traceback.
    """
    frames = list(traceback.walk_tb(error.__traceback__))
    if not frames:
        return None
    frame, line = frames[-1]
    text = f'{type(error).__name__}: {(str(error).strip() or "no message").splitlines()[0]}'
    if WORKER.match(str(error)):
        text = str(error).strip().splitlines()[-1]
    elif isinstance(error, KeyError) and (step := _transform(frames)):
        text = f'the transform {step!r} needs {text.removeprefix("KeyError: ")}, which no transform before it gives'
    elif PACKAGE in Path(frame.f_code.co_filename).parents:
        return None
    place = '/'.join(Path(frame.f_code.co_filename).parts[-2:])
    return (
        f'{text} ({place}, line {line}). A setting may not fit the others; --debug shows where. If they fit, please '
        'report it.'
    )


def _transform(frames: list[tuple[FrameType, int]]) -> str:
    """Return the name of the transform of a pipeline that raised an error; an empty text if none did."""
    named = [
        frame.f_locals['self']
        for frame, _ in frames
        if frame.f_code.co_name == 'transform' and 'self' in frame.f_locals
    ]
    return type(named[-1]).__name__ if named else ''


def _built_class(error: BaseException) -> str:
    """Return the innermost class whose construction from a config raised an error; an empty text if there is none."""
    name = ''
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if REGISTRY in Path(frame.f_code.co_filename).as_posix() and isinstance(frame.f_locals.get('obj_cls'), type):
            name = frame.f_locals['obj_cls'].__name__
    return name


def _store(error: BaseException) -> str:
    """Return the URL that mmengine rejected because it has no client for it, or a client that cannot list folders."""
    if isinstance(error, OSError):
        return ''
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    if not frames or STORES not in Path(frames[-1].f_code.co_filename).as_posix():
        return ''
    values = (value for frame in frames[::-1] for value in frame.f_locals.values())
    return next((value for value in values if isinstance(value, str) and URL.match(value)), '')


def exit_code(error: BaseException) -> int:
    """Return the exit code for an error that a user can cause: ``INPUT``, or ``FAILURE`` if no input was wrong."""
    if isinstance(error, OSError):
        failed = error.errno in MACHINE or isinstance(error, BUSY)
    else:
        failed = isinstance(error, RuntimeError)
    return FAILURE if failed else INPUT


def is_rejection(error: BaseException) -> bool:
    """Return whether an error rejects an input: whatever the command has begun may then be removed."""
    return user_message(error) is not None and exit_code(error) == INPUT


def _origin(error: BaseException) -> tuple[Path, int]:
    """Return the file and the line that raised an error; a process of a pool has sent its traceback as the cause."""
    if type(error.__cause__).__name__ == 'RemoteTraceback' and (frames := FRAME.findall(str(error.__cause__))):
        return Path(frames[-1][0]), int(frames[-1][1])
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return Path(frame.filename), frame.lineno or 0


def _raises(file: Path, line: int) -> bool:
    """Return whether a line of mmwsl raises an error on purpose."""
    return PACKAGE in file.parents and linecache.getline(str(file), line).lstrip().startswith('raise')


def _worker_message(error: BaseException) -> str | None:
    """Return the message of an error in a process that loads data, as :func:`user_message` does."""
    *_, frame = FRAME.finditer(str(error))
    # Source lines are indented; the type and the message follow.
    lines = str(error)[frame.end() :].strip('\n').split('\n')
    start = next((index for index, line in enumerate(lines) if not line.startswith(' ')), 0)
    message = '\n'.join(lines[start:]).partition(': ')[2].strip()
    return message if isinstance(error, OSError) or _raises(Path(frame[1]), int(frame[2])) else None


def name_file(error: BaseException, default: str | Path | None = None) -> None:
    """Name the file in an error of the operating system, such as a full disk, that does not say which it is about.

    It is the innermost open file, or log, of the functions that raised the error; that of a ``print`` outside of a log
    is the standard output, and that of a semaphore the shared memory.

    Args:
        error: The error, with its traceback.
        default: The file if there is none, such as the log that the standard output is redirected to.
    """
    if not isinstance(error, OSError) or error.errno is None or error.filename is not None:
        return
    frames = traceback.extract_tb(error.__traceback__)
    line = (frames[-1].line or '') if frames else ''
    if frames and Path(frames[-1].filename).parts[-2:] == SEMAPHORES:
        error.filename = SHARED_MEMORY
        return
    if default is None and line.startswith(('print(', 'sys.stdout.')) and 'file=' not in line:
        error.filename = OUTPUT
        return
    values = (value for frame, _ in traceback.walk_tb(error.__traceback__) for value in frame.f_locals.values())
    files = (value.stream if isinstance(value, logging.StreamHandler) else value for value in values)
    names = [getattr(file, 'name', None) for file in files if isinstance(file, io.IOBase)]
    if named := [name for name in names if isinstance(name, str) and not name.startswith('<')] or (
        [str(default)] if default else []
    ):
        error.filename = named[-1].removesuffix('.part')


def error_text(error: BaseException) -> str:
    """Return the message of an error, with its file; that of a ``KeyError`` without the quotes around it."""
    name_file(error)
    if isinstance(error, OSError) and error.errno in ADVICE and error.filename:
        return f'{error.strerror}: {str(error.filename)!r}. {ADVICE[error.errno]}'
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return text or type(error).__name__
