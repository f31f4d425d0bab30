"""Command ``mmwsl doctor``."""

import platform
import shutil
import textwrap
from collections.abc import Iterable

from mmwsl import __version__
from mmwsl.utils.parser import Parser

from . import checks
from .checks import FAIL, Row


def main(argv: list[str] | None = None) -> int:
    """Print what this machine has and what to do about what is missing.

    Returns:
        1 if a package that everyone needs cannot be imported, else 0.
    """
    parser = Parser(description='Check packages, devices, weights and disk space, and print what to do about each.')
    parser.parse_args(argv)
    print(f'mmwsl {__version__}, Python {platform.python_version()}, {platform.platform(terse=True)}', flush=True)
    found = checks.import_modules()
    sections: dict[str, Iterable[Row]] = dict(
        packages=checks.packages(found), devices=checks.devices(found), weights=checks.weights(), space=checks.disk()
    )
    failed = []
    for title, rows in sections.items():
        rows = list(rows)
        failed += [row.name for row in rows if row.mark == FAIL]
        print(f'\n{title}', *(line for row in rows for line in _lines(row)), sep='\n')
    if failed:
        print(f'\nmmwsl cannot run: {", ".join(failed)}. Correct the first one, then run mmwsl doctor again.')
        return 1
    print('\nmmwsl can run.\nNext: mmwsl check IMAGES --labels FILE')
    return 0


def _lines(row: Row) -> list[str]:
    """Return the lines of a row; what to do stands behind it, or below it if the terminal is narrow."""
    line = f'  {row.mark:<4} {row.name:<18}  {row.value}'
    if not row.todo:
        return [line]
    width = max(80, shutil.get_terminal_size((120, 24)).columns)
    if len(line) + len(row.todo) + 2 <= width:
        return [f'{line}: {row.todo}']
    indent = ' ' * 27
    wrap = textwrap.TextWrapper(width, initial_indent=indent, subsequent_indent=indent, break_long_words=False)
    wrap.break_on_hyphens = False
    return [line, *wrap.wrap(row.todo)]
