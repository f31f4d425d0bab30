"""Phrases and checks that error messages share."""

from collections.abc import Iterable, Sequence


def first_five(names: Iterable[object]) -> str:
    """Return the first five names, separated by commas."""
    names = list(names)
    return ', '.join(map(str, names[:5])) + (' ...' if len(names) > 5 else '')


def shorten(value: object) -> str:
    """Return the ``repr`` of a value, at most 60 characters of it."""
    text = repr(value)
    return text if len(text) <= 60 else f'{text[:57]}...'


def check_choice(argument: str, value: str, choices: Sequence[str]) -> None:
    """Raise an error unless ``value`` is one of ``choices``.

    Raises:
        ValueError: If it is not; the message names ``argument``.
    """
    if value not in choices:
        raise ValueError(f'`{argument}` must be one of {tuple(choices)}, got {value!r}.')
