"""Shape of JSON files that commands read again: types of nested values."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .text import shorten

NAMES = {dict: 'an object', list: 'a list', str: 'a text', bool: 'true or false', int: 'an integer', float: 'a number'}


def check_shape(value: Any, shape: Any, path: str | Path, advice: str, key: str = '') -> None:
    """Check a value of a JSON file.

    A shape is one of

    - a type; ``float`` also accepts integers,
    - a tuple of shapes, of which one must fit; None in it stands for ``null``,
    - ``[shape]``: a list of such values,
    - ``{str: shape}``: an object of such values,
    - ``{'a': shape, 'b?': shape}``: an object with the key ``a``, and perhaps ``b``; others are not checked.

    Args:
        value: The value.
        shape: Its shape.
        path: The file, for the error.
        advice: What to do, for the error.
        key: Path of the value in the file.

    Raises:
        ValueError: If the value has another shape; the message names the innermost value.
    """
    if isinstance(shape, tuple):
        if value is None and None in shape:
            return
        shape = next((one for one in shape if one is not None and isinstance(value, _kind(one))), shape[0])
    kind = _kind(shape)
    fits = isinstance(value, int | float) if kind is float else isinstance(value, kind)
    if not fits or (isinstance(value, bool) and kind is not bool):
        found = 'the file' if not key else f'`{key}`'
        raise ValueError(f'{path}: {found} must be {NAMES[kind]}, got {shorten(value)}. {advice}')
    if isinstance(shape, list):
        for index, item in enumerate(value):
            check_shape(item, shape[0], path, advice, f'{key}[{index}]')
    elif isinstance(shape, Mapping):
        for name, part in shape.items():
            if name is str:
                for found, item in value.items():
                    check_shape(item, part, path, advice, f'{key}.{found}'.lstrip('.'))
                continue
            required, inner = name.removesuffix('?'), f'{key}.{name.removesuffix("?")}'.lstrip('.')
            if required in value:
                check_shape(value[required], part, path, advice, inner)
            elif required == name:
                raise ValueError(f'{path}: `{inner}` must be {NAMES[_kind(part)]}, got none. {advice}')


def _kind(shape: Any) -> type:
    if isinstance(shape, tuple):
        return _kind(shape[0])
    return shape if isinstance(shape, type) else list if isinstance(shape, list) else dict
