"""How several class names stand in one cell of a table."""

from collections.abc import Iterable

SEPARATORS = (';', '|', ',')


def find_separator(cells: Iterable[str], source: str) -> str | None:
    """Find the one separator that a column of label cells uses.

    A column is read as a whole, because ``dining table`` alone in its cell is one name when another cell holds
    ``cat;dog``, and two names when no cell holds a separator.

    Args:
        cells (Iterable[str]): The cells of the column.
        source (str): Name of the file, for the error.

    Returns:
        str | None: ``;``, ``|``, ``,`` or None for white space.

    Raises:
        ValueError: Several separators are in use.
    """
    used = set().union(*(set(cell) & set(SEPARATORS) for cell in cells))
    if len(used) > 1:
        raise ValueError(
            f'{source}: label cells use several separators {sorted(used)}. Keep one, or name it with `separator`.'
        )
    return used.pop() if used else None


def split_cell(cell: str, separator: str | None) -> list[str]:
    """Split a cell into names; ``separator=None`` splits at white space."""
    return [name.strip() for name in cell.split(separator) if name.strip()]
