"""Font of the texts in drawings, with the characters that they have."""

import os
import warnings
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec

from PIL import ImageFont

from .text import first_five

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
MISSING = '\U0010ffff'
"""A character that no font has."""


def drawn_texts(texts: Sequence[str], size: int) -> tuple[Font, list[str]]:
    """Return a font for texts, and the texts as it can draw them.

    Pillow's own font has hardly more than ASCII; the one of matplotlib has the European scripts. Characters of neither
    are written as escapes, and a warning names the texts.

    Args:
        texts: Texts, such as the names of classes.
        size: Font size.
    """
    font: Font = ImageFont.load_default(size)
    if all(map(str.isascii, texts)):
        return font, list(texts)
    wide = _wide_font()
    font = ImageFont.truetype(wide, size) if wide else font
    escaped = [text if all(_has(wide, mark) for mark in text) else ascii(text)[1:-1] for text in texts]
    if changed := [text for text, drawn in zip(texts, escaped, strict=True) if text != drawn]:
        warnings.warn(f'the font has no characters for {first_five(changed)}: they are drawn as escapes.', stacklevel=2)
    return font, escaped


@cache
def _wide_font() -> str | None:
    """Return the file of matplotlib's font, without the import of matplotlib; None if it is not there."""
    found = find_spec('matplotlib')
    path = os.path.join(os.path.dirname(found.origin or ''), 'mpl-data/fonts/ttf/DejaVuSans.ttf') if found else ''
    return path if os.path.isfile(path) else None


@cache
def _has(font_file: str | None, mark: str) -> bool:
    """Return whether a font has a character: all that it lacks look the same."""
    if mark.isascii():
        return True
    font = ImageFont.truetype(font_file, 20) if font_file else ImageFont.load_default(20)
    return isinstance(font, ImageFont.FreeTypeFont) and bytes(font.getmask(mark)) != bytes(font.getmask(MISSING))
