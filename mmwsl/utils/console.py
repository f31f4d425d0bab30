"""Terminal output of long commands: few lines and progress bars on the terminal, all other output in a log file."""

import ctypes
import logging
import os
import shutil
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from .errors import OUTPUT, is_rejection, name_file
from .files import nearest_existing, remove_empty_folders

REDRAW_SECONDS = 0.1


class Progress:
    """Progress bar of one stage: redrawn in place on a terminal.

    A stage that has a note, such as its loss, or was not finished leaves one line at its end.

    Args:
        console: The console that draws it.
        total: Number of steps.
        text: Name of the stage.
    """

    def __init__(self, console: 'Console', total: int, text: str) -> None:
        self.console, self.total, self.text = console, total, text
        self.done, self.note = 0, ''
        self.start = self._drawn = time.monotonic()

    def advance(self, steps: int = 1, note: str = '') -> None:
        """Count finished steps.

        Args:
            steps: Number of steps that were finished.
            note: Text at the end of the bar, such as the loss. By default the previous note remains.
        """
        self.done += steps
        self.note = note or self.note
        if time.monotonic() - self._drawn >= REDRAW_SECONDS:
            self._drawn = time.monotonic()
            self.console._redraw()

    def line(self, width: int) -> str:
        """Return the bar with the estimated time left, at most ``width`` characters long."""
        fraction = min(self.done / self.total, 1) if self.total else 1.0
        bar = f'{self.text} [{"#" * int(20 * fraction):<20}] {self.done}/{self.total}'
        if 0 < fraction < 1:
            bar += f', {_duration((time.monotonic() - self.start) * (1 - fraction) / fraction)} left'
        return ', '.join(filter(None, [bar, self.note]))[:width]

    def summary(self) -> str:
        """Return the line for the end of the stage."""
        took = f'{self.text}: {self.done} of {self.total} in {_duration(time.monotonic() - self.start)}'
        return ', '.join(filter(None, [took, self.note]))


class Console:
    """Lines and progress bars on the terminal, whatever the standard output is redirected to.

    Args:
        stream: Stream of the terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bars: list[Progress] = []
        self._reported: BaseException | None = None
        self._told: set[str] = set()

    def print(self, text: str = '') -> None:
        """Write lines above the progress bar."""
        self._told.update(map(str.strip, text.splitlines()))
        self._write(f'{self._clear()}{text}\n')
        self._redraw()

    def warn(self, text: str) -> None:
        """Write a warning above the progress bar, each text once."""
        if f'warning: {text}' not in self._told:
            self.print(f'warning: {text}')

    def print_first(self, texts: Sequence[str], limit: int, where: str) -> None:
        """Write the first lines, and how many more there are and where; all are written to the standard output too."""
        for index, text in enumerate(texts):
            print(text)
            if index < limit:
                self.print(text)
        if len(texts) > limit:
            self.print(f'  {len(texts) - limit} more in {where}')

    @contextmanager
    def progress(self, total: int, text: str) -> Iterator[Progress]:
        """Show the progress of a stage of ``total`` steps; see :meth:`Progress.advance`."""
        bar = Progress(self, total, text)
        self._bars.append(bar)
        self._redraw()
        try:
            yield bar
        finally:
            self._bars.remove(bar)
            if bar.note or bar.done < bar.total:
                self.print(bar.summary())
            else:
                self._write(self._clear())
                self._redraw()

    def _clear(self) -> str:
        return '\r\033[K' if self._stream.isatty() else ''

    def _redraw(self) -> None:
        """Draw the innermost progress bar over the last line of a terminal."""
        if self._bars and self._stream.isatty():
            # The last column stays free: a full line would move the cursor to the next one.
            self._write(f'{self._clear()}{self._bars[-1].line(self._width() - 1)}')

    def _width(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns
        except (OSError, ValueError):  # a stream without a terminal, such as a notebook's
            return shutil.get_terminal_size().columns

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError as error:
            error.filename = OUTPUT  # not the log, which is the innermost file
            raise


class _Switched:
    """Stand-in for ``sys.stdout`` or ``sys.stderr``: code may keep it and use it when the redirection has ended."""

    def __init__(self, stream: TextIO) -> None:
        self.target = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.target, name)


_consoles: list[Console] = []  # of the active redirections, the outermost first


def tell(text: str) -> None:
    """Print a line on the standard error; within a :func:`quiet`, into its log and on the terminal."""
    print(text, file=sys.stderr)
    if _consoles:
        _consoles[-1].print(text)


def log_warning(text: str) -> None:
    """Log a warning that the user can act on; within a :func:`quiet`, write it on the terminal too, once."""
    from mmengine.logging import print_log  # here: commands start without the libraries

    print_log(text, 'current', logging.WARNING)
    if _consoles:
        _consoles[-1].warn(text)


@contextmanager
def quiet(log_file: str | Path) -> Iterator[Console]:
    """Redirect all that this process and its children print into a log file.

    The file descriptors 1 and 2 are redirected, so that the output of C code, of forked and of spawned processes is
    included. Where ``sys.stdout`` or ``sys.stderr`` does not write to them, as in a notebook, it is replaced as well;
    only a logging handler that was created before with such a stream continues to print.

    A ``quiet`` within a ``quiet`` redirects to its own log file, and its console writes to the same terminal. If an
    exception leaves the block, its traceback is added to the log file, whose path is printed. A new log file with which
    nothing else was written is removed if the exception rejects an input.

    Args:
        log_file: File that the output is appended to; its folder is created.

    Yields:
        The console, which writes to the terminal.
    """
    path = Path(log_file)
    existing = nearest_existing(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        log = open(path, 'a', encoding='utf-8', errors='backslashreplace', buffering=1)
        stack.callback(_close, log)
        console = _consoles[0] if _consoles else Console(_terminal(stack))
        stack.callback(_consoles.pop)
        _consoles.append(console)
        _flush()
        for name, descriptor in (('stdout', 1), ('stderr', 2)):
            _redirect_descriptor(stack, descriptor, log)
            _redirect_stream(stack, name, descriptor, log)
        stack.callback(_flush_or_drop)  # the first to be called: what was printed within the block belongs to the log
        try:
            yield console
        except Exception as error:
            name_file(error, path)
            with suppress(OSError):
                traceback.print_exc(file=log)
            if is_rejection(error) and existing.is_dir() and os.listdir(path.parent) == [path.name]:
                path.unlink()
                remove_empty_folders(path.parent, existing)
                console._reported = error
            if console._reported is not error and path != Path(os.devnull):
                console._reported = error
                console.print(f'Log: {path}')
            raise


def _terminal(stack: ExitStack) -> TextIO:
    """Return a stream that continues to write where ``sys.stdout`` writes now."""
    if not _writes_to(sys.stdout, 1):
        return sys.stdout
    encoding = getattr(sys.stdout, 'encoding', None)
    terminal = open(os.dup(1), 'w', encoding=encoding, errors='backslashreplace')
    stack.callback(_close, terminal)
    return terminal


def _redirect_descriptor(stack: ExitStack, descriptor: int, log: TextIO) -> None:
    saved = os.dup(descriptor)
    stack.callback(os.close, saved)
    stack.callback(os.dup2, saved, descriptor)
    os.dup2(log.fileno(), descriptor)


def _redirect_stream(stack: ExitStack, name: str, descriptor: int, log: TextIO) -> None:
    stream = getattr(sys, name)
    if _writes_to(stream, descriptor):
        return
    switched = _Switched(log)
    stack.callback(setattr, switched, 'target', stream)
    stack.callback(setattr, sys, name, stream)
    setattr(sys, name, switched)


def _writes_to(stream: TextIO, descriptor: int) -> bool:
    try:
        return stream.fileno() == descriptor
    except (OSError, ValueError):  # io.UnsupportedOperation is both
        return False


def _flush() -> None:
    """Write the buffers of Python and of C out."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == 'posix':
        ctypes.CDLL(None).fflush(None)


def _flush_or_drop() -> None:
    """Write the buffers out, or drop them where the disk of the log file is full: the terminal must not get them."""
    try:
        _flush()
    except OSError:
        with open(os.devnull, 'w') as nowhere:
            for descriptor in (1, 2):
                os.dup2(nowhere.fileno(), descriptor)
        _flush()


def _close(file: TextIO) -> None:
    """Close a file, whatever of it cannot be written."""
    with suppress(OSError):
        file.close()


def _duration(seconds: float) -> str:
    """Return a duration such as ``7 s``, ``1:05`` or ``2:00:09``."""
    if seconds < 60:
        return f'{seconds:.0f} s'
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}:{minutes:02}:{seconds:02}' if hours else f'{minutes}:{seconds:02}'
