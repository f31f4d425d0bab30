"""Names of classes that label files give by mistake: markers of missing values, and characters that nobody sees."""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from mmwsl.utils.text import plain, shorten

MISSING = ('', 'nan', 'none', 'null', 'n/a', 'na', '<na>', '#n/a', '#ref!', '#value!', '#name?', '-', '?')
"""Texts that programs write for a missing value."""
HIDDEN = ('Cc', 'Cf', 'Cs', 'Zl', 'Zp')
"""Categories of Unicode that cannot be seen: control and format characters, halves of a character, line breaks."""
JOINERS = '\u200c\u200d'
"""Format characters that the spelling of several languages needs within a word."""


def check_given(names: Iterable[str], source: str) -> None:
    """Check that no name of a table is the marker of a missing value.

    Raises:
        ValueError: If one is.
    """
    for name in names:
        if name.strip().lower() in MISSING:
            raise ValueError(
                f'{source}: a label must be the name of a class, got {shorten(name)}. Leave the labels empty if there '
                'are none.'
            )


def check_visible(names: Iterable[str], source: str) -> None:
    """Check that all characters of names can be seen: names that look equal would be different classes.

    Raises:
        ValueError: If one cannot.
    """
    for name in names:
        if hidden := _hidden(name):
            raise ValueError(
                f'{plain(source)}: the name of a class must have visible characters only, got {ascii(name)[:60]} '
                f'with {hidden}. Remove the character.'
            )


@lru_cache(10_000)
def _hidden(name: str) -> str:
    """Return the name of the first hidden character; '' if there is none."""
    if name.isprintable():
        return ''
    for place, character in enumerate(name):
        joins = character in JOINERS and 0 < place < len(name) - 1
        if unicodedata.category(character) in HIDDEN and not joins:
            return unicodedata.name(character, f'the character U+{ord(character):04X}')
    return ''
