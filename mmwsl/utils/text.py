"""Phrases and checks that error messages share."""

from collections.abc import Iterable, Sequence


def first_five(names: Iterable[object]) -> str:
    """Return the first five names, separated by commas; see :func:`plain`."""
    names = list(names)
    return ', '.join(map(plain, names[:5])) + (' ...' if len(names) > 5 else '')


def plain(value: object) -> str:
    """Return a value as one line of at most 200 characters; line breaks and control characters are escaped."""
    text = str(value)[:200]
    return text if text.isprintable() else repr(text)


def is_utf8(name: str, errors: str = 'strict') -> bool:
    """Tell whether a name can be encoded: Python writes the bytes of a file name that is not UTF-8 as surrogates."""
    try:
        name.encode(errors=errors).decode()
    except UnicodeError:
        return False
    return True


def shorten(value: object) -> str:
    """Return the ``repr`` of a value as one line, at most 60 characters of it."""
    try:
        text = ' '.join(repr(value).splitlines())  # that of an array has several
    except RecursionError:
        text = f'a {type(value).__name__} that is nested too deeply'
    return text if len(text) <= 60 else f'{text[:57]}...'


def check_choice(argument: str, value: str, choices: Sequence[str]) -> None:
    """Raise an error unless ``value`` is one of ``choices``.

    Raises:
        ValueError: If it is not; the message names ``argument``.
    """
    if value not in choices:
        raise ValueError(f'`{argument}` must be one of {tuple(choices)}, got {value!r}.')


def check_integer(argument: str, value: object, least: int) -> None:
    """Raise an error unless a value is an integer of at least ``least``.

    Raises:
        ValueError: If it is not; the message names ``argument``.
    """
    if not isinstance(value, int) or value < least:
        raise ValueError(f'`{argument}` must be an integer of at least {least}, got {shorten(value)}.')


def opencv_reason(error: Exception) -> str:
    """Return the reason of an error of OpenCV, without its version and the place in its code."""
    return str(error).strip().rpartition('error: ')[2]
