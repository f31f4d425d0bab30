"""Class names that stand for missing values or that nobody can tell apart, and JSON labels of another structure."""

import json
from collections.abc import Callable
from pathlib import Path

from ..harness import Case, case
from .own_images import labels

JSON = 'check images --labels labels.json'


def entries(first: object, name: str = 'labels.json') -> Callable[[Path], object]:
    """Return a function that writes JSON labels, of which the first are given."""
    given = [first, ['ring'], ['star'], ['ring', 'star']]
    content = [dict(image=f'{index:02}.png', labels=value) for index, value in enumerate(given)]
    text = '\n'.join(map(json.dumps, content)) if name.endswith('l') else json.dumps(content)
    return lambda root: (root / name).write_text(text)


def pairs(root: Path) -> None:
    """Write JSON labels as a list of pairs."""
    (root / 'labels.json').write_text(json.dumps([['00.png', ['ring']], ['01.png', ['star']]]))


CASES: list[Case] = [
    *(
        case(f'JSON: the labels are {value!r}', JSON, 'rejected', 'labels.json: entry 0', words, prepare=entries(value))
        for value, words in (
            (None, 'must be a list of class names or one string, got None'),
            (float('nan'), 'must be a list of class names or one string, got nan'),
            ([None], 'must be a list of class names or one string, got [None]'),
            ([''], "must be the name of a class, got ''"),
            (['ring', ' '], "must be the name of a class, got ''"),
            (['nan'], "must be the name of a class, got 'nan'"),
            (['ring', 'NULL'], "must be the name of a class, got 'NULL'"),
            ('none', "must be the name of a class, got 'none'"),
            (['ring\u200b'], 'ZERO WIDTH SPACE'),
            (['ri\ufeffng'], 'ZERO WIDTH NO-BREAK SPACE'),
            (['ring\x07'], 'U+0007'),
            (['ri\nng'], 'U+000A'),
            (['caf\udce9'], 'U+DCE9'),
        )
    ),
    case(
        'JSON lines: a missing value',
        'check images --labels labels.jsonl',
        'rejected',
        'labels.jsonl:1',
        "got 'NaN'",
        prepare=entries(['NaN'], 'labels.jsonl'),
    ),
    case('JSON: a list of pairs', JSON, 'rejected', 'entry 0', '{"image": "a.jpg", "labels"', prepare=pairs),
    case(
        'JSON: --separator, and all labels are lists',
        f'{JSON} --separator /',
        'rejected',
        '--separator must be left out',
        prepare=entries(['ring']),
    ),
    *(
        case(
            f'CSV: {name}',
            'check images --labels labels.csv',
            'rejected',
            'labels.csv:2',
            words,
            prepare=labels(lambda text, bad=bad: text.replace(',', f',{bad};', 2).replace(f',{bad};', ',', 1)),
        )
        for name, bad, words in (
            ('a missing value', 'NaN', "got 'NaN'"),
            ('a zero-width space', 'ring\u200b', 'ZERO WIDTH SPACE'),
            ('a control character', 'ring\x1b', 'U+001B'),
        )
    ),
]
