"""Image-level labels from a folder of YOLO's text files."""

from pathlib import Path

import yaml

from mmwsl.utils.files import read_text

from .record import ImageLabelRecord, make_record

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
            fields = line.split()
            if fields and (len(fields) < 5 or not fields[0].isdecimal() or int(fields[0]) not in names):
                raise ValueError(
                    f'{file}:{number}: a line must be a class id of {names_file.name} (0 to {max(names)}) and at least '
                    f'four numbers, got {line[:60]!r}.'
                )
            present += [names[int(fields[0])]] if fields else []
        image = file.relative_to(labels).as_posix().removesuffix('.txt')
        records.append(make_record(image, present, source=str(file)))
    return records


def _read_names(path: Path) -> dict[int, str]:
    """Read the class names by id."""
    if path.suffix not in ('.yaml', '.yml'):
        return dict(enumerate(line.strip() for line in read_text(path).splitlines() if line.strip()))
    try:
        names = yaml.safe_load(read_text(path))['names']
        pairs = names.items() if isinstance(names, dict) else enumerate(names)
        return {int(label): str(name) for label, name in pairs}
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f'{path}: `names` must be a list of class names, or a mapping from id to name, got {error!r}.'
        ) from error
