"""Separators of several class names in one cell of a table."""

from collections.abc import Iterable

SEPARATORS = (';', '|', ',')


def find_separator(cells: Iterable[str], source: str) -> str | None:
    """Find the one separator that a column of label cells uses.

    All cells count, because ``dining table`` alone in its cell is one name if another cell is ``cat;dog``, and two
    names if no cell has a separator.

    Args:
        cells: The cells of the column.
        source: Name of the file, for the error.

    Returns:
        ``;``, ``|``, ``,`` or None for white space.

    Raises:
        ValueError: If the cells use several separators.
    """
    used = set().union(*(set(cell) & set(SEPARATORS) for cell in cells))
    if len(used) > 1:
        raise ValueError(f'{source}: label cells use several separators {sorted(used)}. Keep one, or set `separator`.')
    return used.pop() if used else None


def split_cell(cell: str, separator: str | None) -> list[str]:
    """Split a cell into names; ``separator=None`` splits at white space."""
    return [name.strip() for name in cell.split(separator) if name.strip()]
