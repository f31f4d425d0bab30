"""Separators of several class names in one cell of a table."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable

from mmwsl.utils.text import shorten

SEPARATORS = (';', '|', ',')
ESCAPE = r"""\\(?:['"\\nrt]|u[0-9a-fA-F]{4})"""
NAME = rf"""'(?:[^'\\\0\n\r\ud800-\udfff]|{ESCAPE})*'|"(?:[^"\\\0\n\r\ud800-\udfff]|{ESCAPE})*\""""
NAMES = re.compile(NAME)
LIST = re.compile(rf'\s*\[\s*(?:(?:{NAME})\s*(?:,\s*(?:{NAME})\s*)*)?\]\s*')
"""A list of names in quotes: nothing else that begins with a bracket is parsed."""


def find_separator(
    cells: Iterable[str], source: str, check_spaces: bool = False, given: str | None = None
) -> str | None:
    """Find the one separator that a column of label cells uses.

    All cells count, because ``dining table`` alone in its cell is one name if another cell is ``cat;dog``, and two
    names if no cell has a separator. Quoted lists, see :func:`split_cell`, do not count.

    Args:
        cells: The cells of the column.
        source: Name of the file, for the error.
        check_spaces: Whether to reject white space that may be part of a name, see :func:`check_white_space`.
        given: The separator, if it is known.

    Returns:
        ``given``, or ``;``, ``|``, ``,`` or None for white space.

    Raises:
        ValueError: If the cells use several separators, or others than the one given, or white space is doubtful.
    """
    cells = list(cells)
    texts = [cell for cell in cells if not _is_list(cell)]
    used = set().union(*(set(cell) & set(SEPARATORS) for cell in texts))
    if given and used and not any(given in cell for cell in texts):
        example = next(cell for cell in texts if set(cell) & used)
        raise ValueError(
            f'{source}: `separator` must occur in a cell of labels, got {given!r}, but cells such as '
            f'{shorten(example)}. Set it to {sorted(used)[0]!r}, or write names that contain it as a list, ["a, b"].'
        )
    if given:
        return given
    if len(used) > 1:
        raise ValueError(f'{source}: label cells use several separators {sorted(used)}. Keep one, or set `separator`.')
    if check_spaces and not used:
        check_white_space(cells, source)
    return used.pop() if used else None


def split_cell(cell: str, separator: str | None) -> list[str]:
    """Split a cell into names; ``separator=None`` splits at white space.

    A list that Python or JSON has written, ``['cat', 'dog']``, is read as it is.
    """
    if _is_list(cell):
        return [ast.literal_eval(name).strip() for name in NAMES.findall(cell)]
    return [name.strip() for name in cell.split(separator) if name.strip()]


def _is_list(cell: str) -> bool:
    """Tell whether a cell is the text of a list of strings."""
    return LIST.fullmatch(cell) is not None


def check_white_space(cells: Iterable[str], source: str) -> None:
    """Check that white space separates names, and is not part of one as in ``traffic light``.

    A pair of words is doubtful if one of them occurs in no other company, and neither is alone in a cell.

    Args:
        cells: The cells of the column, none with another separator.
        source: Name of the file, for the error.

    Raises:
        ValueError: If a pair of words is doubtful.
    """
    rows = {tuple(cell.split()) for cell in cells if not _is_list(cell)}
    alone = {row[0] for row in rows if len(row) == 1}
    after: dict[str | None, set] = defaultdict(set)
    before: dict[str | None, set] = defaultdict(set)
    for row in rows:
        for first, second in zip((None, *row), (*row, None), strict=True):
            after[first].add(second)
            before[second].add(first)
    for row in sorted(rows):
        for first, second in zip(row, row[1:], strict=False):
            if not {first, second} & alone and (len(after[first]) == 1 or len(before[second]) == 1):
                raise ValueError(
                    f'{source}: labels must be separated by one of {SEPARATORS} in at least one cell, got '
                    f'{shorten(" ".join(row))}, where {f"{first} {second}"!r} may be one name or two. '
                    "Set `separator` to ' ' for two names, or to ';' for one."
                )
