"""Rows of a ``.csv`` table, a block at a time."""

import csv
import io
import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat
from operator import attrgetter, itemgetter
from pathlib import Path

from mmwsl.utils.files import read_text
from mmwsl.utils.packed_strings import BLOCK
from mmwsl.utils.text import shorten

SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[ \t]*', re.IGNORECASE)
"""First line that Excel writes and reads: it names the separator of the cells."""
PIECE = 1 << 20
"""Characters of a table that are split into lines at a time."""
Rows = tuple[Sequence[int], Sequence[list[str]]]
"""Number of the last line of each row, and its cells."""


@dataclass(frozen=True)
class CSVRows:
    """The header of a table, and its rows as they are read.

    Attributes:
        path: The file.
        header: Names of the columns.
        blocks: Iterator over all rows, some at a time. Each row has the cells of the header.
    """

    path: str
    header: list[str]
    blocks: Iterator[Rows]

    def finish(self) -> None:
        """Read all other rows, for their errors."""
        deque(self.blocks, 0)


def open_csv(path: str | Path, delimiter: str | None = ',', backend_args: dict | None = None) -> CSVRows:
    """Open a table with a header.

    Args:
        path: The table, UTF-8, or UTF-16 with a byte-order mark.
        delimiter: Separator of the cells. None takes the one of ``,``, ``;``, tab and ``|`` that divides the header
            into most columns. A first line ``sep=;`` overrides it.
        backend_args: See :mod:`mmengine.fileio`.

    Raises:
        FileNotFoundError: If ``path`` does not exist.
        ValueError: If the delimiter is not clear, a column has no name of its own, or, as the rows are read, a row has
            too few or too many cells, or is the header again.
    """
    text = read_text(path, backend_args=backend_args)
    first = text[: text.index('\n')] if '\n' in text else text
    if match := SEPARATOR_LINE.fullmatch(first):
        delimiter, text = match[1], text[match.end() :] or '\n'  # the lines keep their numbers
    delimiter = delimiter or _find_delimiter(text, str(path))
    blocks = _parse(text, delimiter, str(path))
    lines, rows = next(blocks, ((), ()))
    header = [name.strip() for name in rows[0]] if rows else []
    blocks = chain([(lines[1:], rows[1:])], blocks)
    return CSVRows(str(path), header, _checked(blocks, header, delimiter, str(path)))


def _parse(text: str, delimiter: str, path: str) -> Iterator[Rows]:
    reader = csv.reader(split_lines(text), delimiter=delimiter, strict=True)
    numbered = filter(itemgetter(0), zip(reader, map(attrgetter('line_num'), repeat(reader)), strict=False))
    try:
        while block := list(islice(numbered, BLOCK)):
            rows, lines = zip(*block, strict=True)
            yield lines, rows
    except csv.Error as error:
        raise ValueError(f'{path}:{reader.line_num}: not a CSV row ({error}).') from error


def split_lines(text: str) -> Iterator[str]:
    """Yield the lines of a text with the character that ends them."""
    return chain.from_iterable(map(io.StringIO, _pieces(text)))


def _pieces(text: str) -> Iterator[str]:
    """Cut a text at ends of lines: a ``StringIO`` takes four bytes a character."""
    start = 0
    while start < len(text):
        end = text.find('\n', start + PIECE) + 1 or len(text)
        yield text[start:end]
        start = end


def _checked(blocks: Iterator[Rows], header: list[str], delimiter: str, path: str) -> Iterator[Rows]:
    """Yield the rows; an error of the syntax further down, which can have caused an error found here, comes first."""
    try:
        twice = next((name for name, count in Counter(header).items() if name and count > 1), None)
        if twice:
            raise ValueError(f'{path}:1: every column must have its own name, got {shorten(twice)} twice. Rename one.')
        for lines, rows in blocks:
            if {*map(len, rows)} != {len(header)} or header[0] in map(str.strip, map(itemgetter(0), rows)):
                _check_rows(lines, rows, header, delimiter, path)
            if rows:
                yield lines, rows
    except ValueError:
        deque(blocks, 0)
        raise


def _check_rows(lines: Sequence[int], rows: Sequence[list[str]], header: list[str], delimiter: str, path: str) -> None:
    character = 'commas' if delimiter == ',' else repr(delimiter)
    for line, cells in zip(lines, rows, strict=True):
        if [cell.strip() for cell in cells] == header:
            raise ValueError(f'{path}:{line}: a row must be an image, got the header again. Remove the line.')
        if len(cells) != len(header) > 1:  # one column: the header has another delimiter, which is the error to report
            raise ValueError(
                f'{path}:{line}: the row must have {len(header)} cells like the header, got {len(cells)}. Quote cells '
                f'that contain {character}, and keep the separator of an empty cell.'
            )


def _find_delimiter(text: str, path: str) -> str:
    """Find the separator of the cells in the header."""
    lines = chain.from_iterable(map(str.splitlines, _pieces(text)))
    header = next((line for line in lines if line.strip()), '')
    try:
        counts = {mark: len(next(csv.reader([header], delimiter=mark), [])) for mark in (',', ';', '\t', '|')}
    except csv.Error as error:
        raise ValueError(f'{path}:1: not a CSV row ({error}).') from error
    best = [mark for mark, count in counts.items() if count == max(counts.values())]
    if len(best) > 1:
        raise ValueError(
            f'{path}:1: the header must name at least two columns, separated by one of {tuple(counts)}, got '
            f'{header[:60]!r}. Separate the columns by one of them.'
        )
    return best[0]
