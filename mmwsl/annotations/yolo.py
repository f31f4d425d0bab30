"""Image-level labels from a folder of YOLO's text files."""

import math
from pathlib import Path

import yaml

from mmwsl.utils.files import read_text
from mmwsl.utils.text import shorten

from .record import ImageLabelRecord, make_record

MAX_NAMES = 1_000_000
"""Limit of the characters of a file of class names: YAML of megabytes takes minutes."""
NAME_FILES = ('data.yaml', 'data.yml', 'dataset.yaml', 'classes.txt', 'obj.names')


def find_yolo_names(folder: str | Path) -> Path | None:
    """Return the file of class names of a YOLO dataset, in the folder or in the one above; None without such a file."""
    folders = (Path(folder), Path(folder).resolve().parent)
    return next((place / name for place in folders for name in NAME_FILES if (place / name).is_file()), None)


def read_yolo(folder: str | Path) -> list[ImageLabelRecord]:
    """Read one text file per image with a line ``class x y width height`` or ``class x1 y1 x2 y2 ...`` per object.

    The names of the classes are in ``data.yaml`` (``names``) or ``classes.txt``, in the folder or in the one above. An
    empty file is a background image; an image without a file has no record.

    Args:
        folder: The folder of the text files, or the folder that contains them as ``labels/``.

    Returns:
        One record per file, sorted; ``image`` is its path without ``.txt``.

    Raises:
        FileNotFoundError: If the class names or the text files are missing.
        ValueError: If a line is not an object, or its class has no name.
    """
    names_file = find_yolo_names(folder)
    labels = Path(folder) / 'labels' if (Path(folder) / 'labels').is_dir() else Path(folder)
    files = sorted(file for file in labels.rglob('*.txt') if file.name not in NAME_FILES)
    if names_file is None or not files:
        missing = 'text files with objects' if names_file else f'class names: none of {", ".join(NAME_FILES)}'
        raise FileNotFoundError(f'YOLO labels {str(folder)!r} have no {missing}. Add them, or correct the path.')
    names = _read_names(names_file)
    records = []
    for file in files:
        present = []
        for number, line in enumerate(read_text(file).splitlines(), 1):
            if not (fields := line.split()):
                continue
            name = names.get(int(fields[0])) if fields[0][:10].isdecimal() and len(fields[0]) < 10 else None
            if name is None or len(fields) < 5 or not all(map(_is_finite, fields[1:])):
                raise ValueError(
                    f'{file}:{number}: a line must be a class id of {names_file.name} (0 to {max(names)}) and at least '
                    f'four numbers, got {line[:60]!r}.'
                )
            present.append(name)
        image = file.relative_to(labels).as_posix().removesuffix('.txt')
        records.append(make_record(image, present, source=str(file)))
    return records


def _read_names(path: Path) -> dict[int, str]:
    """Read the class names by id."""
    text = read_text(path, 'file of class names')
    if len(text) > MAX_NAMES:
        raise ValueError(f'{path}: class names must have at most {MAX_NAMES} characters, got {len(text)}.')
    if path.suffix not in ('.yaml', '.yml'):
        names: object = [line.strip() for line in text.splitlines() if line.strip()]
    else:
        try:
            # Values stay text and merge keys stay keys: nothing is constructed, and aliases do not multiply.
            content = yaml.load(text, yaml.BaseLoader)
        except (yaml.YAMLError, RecursionError, TypeError, ValueError) as error:
            raise ValueError(f'{path}: not YAML ({str(error).splitlines()[0]}).') from error
        names = content.get('names') if isinstance(content, dict) else None
    pairs = {str(label): name for label, name in enumerate(names)} if isinstance(names, list) else names
    if not isinstance(pairs, dict) or not pairs or not all(_is_name(*pair) for pair in pairs.items()):
        kinds = sorted({type(name).__name__ for name in pairs.values()}) if isinstance(pairs, dict) else []
        raise ValueError(
            f'{path}: `names` must be a list of class names, or a mapping from id to name, got '
            f'{type(names).__name__}{" of " if kinds else ""}{", ".join(kinds)}.'  # a value may be huge: aliases
        )
    count = content.get('nc') if path.suffix in ('.yaml', '.yml') else None
    if count is not None and str(count).strip() != str(len(pairs)):
        raise ValueError(f'{path}: `nc` must be {len(pairs)}, the number of `names`, got {shorten(count)}.')
    if len({int(label) for label in pairs}) < len(pairs):
        raise ValueError(f'{path}: every id of `names` must be given once, got {shorten(list(pairs))}.')
    return {int(label): name for label, name in pairs.items()}


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _is_name(label: object, name: object) -> bool:
    return (
        isinstance(label, str)
        and label.isdecimal()
        and len(label) < 10
        and isinstance(name, str)
        and bool(name.strip())
    )
