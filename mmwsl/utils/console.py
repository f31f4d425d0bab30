"""The terminal: kept free of the output of libraries, which goes to a log file."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO


class _LogFile:
    """Stream into a log file; after it is closed, into the stream that has its place then.

    Loggers keep the stream of the moment in which they were created, longer than the log file is open.
    """

    def __init__(self, file: TextIO, name: str) -> None:
        self._file, self._name = file, name

    def write(self, text: str) -> int:
        return self._open.write(text)

    def flush(self) -> None:
        self._open.flush()

    def isatty(self) -> bool:
        return False

    @property
    def encoding(self) -> str:
        return self._open.encoding

    @property
    def _open(self) -> TextIO:
        stream: TextIO = getattr(sys, self._name) if self._file.closed else self._file
        return stream


@contextmanager
def output_to_file(path: str | Path) -> Iterator[TextIO]:
    """Append to a file what Python code prints, logs and warns within the block.

    Args:
        path: The file; its folder is created.

    Yields:
        The terminal: the standard output outside of the block.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    terminal = sys.stdout
    with open(path, 'a', encoding='utf-8', errors='backslashreplace') as file:
        with redirect_stdout(_LogFile(file, 'stdout')), redirect_stderr(_LogFile(file, 'stderr')):
            yield terminal
