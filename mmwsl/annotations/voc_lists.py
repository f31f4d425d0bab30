"""Tags from PASCAL VOC's classification lists."""

from collections.abc import Sequence
from pathlib import Path

from mmengine.fileio import join_path

from .record import DIFFICULT, ImageLabelRecord, check_choice, make_record, read_text

VALUES = ('1', '0', '-1')


def read_voc_lists(
    folder: str | Path, split: str, classes: Sequence[str], difficult: str = 'present', backend_args: dict | None = None
) -> list[ImageLabelRecord]:
    """Read ``ImageSets/Main/{class}_{split}.txt``, lines ``2007_000027 -1``.

    The value is 1 for present, -1 for absent and 0 for a class whose every object is difficult; ``difficult`` says
    what 0 is, see :func:`read_voc_xml`.

    Args:
        folder (str | Path): The folder of the lists.
        split (str): ``'train'``, ``'val'``, ``'trainval'`` ...
        classes (Sequence[str]): The foreground classes; each has a list.
        difficult (str): ``'present'``, ``'unknown'`` or ``'absent'``.
        backend_args (dict, optional): See :mod:`mmengine.fileio`.

    Returns:
        list[ImageLabelRecord]: One record per image, in the order of the first list.

    Raises:
        FileNotFoundError: A list is missing.
        ValueError: A line is not ``name value``, an image comes twice, or two lists hold different images.
    """
    check_choice('difficult', difficult, DIFFICULT)
    first: dict[str, str] = {}
    present: dict[str, list[str]] = {}
    unknown: dict[str, list[str]] = {}
    for name in classes:
        path = join_path(folder, f'{name}_{split}.txt', backend_args=backend_args)
        values = _read_list(path, backend_args)
        if not first:
            first = {image: f'{path}:{line}' for image, (line, _) in values.items()}
        elif first.keys() != values.keys():
            differing = sorted(first.keys() ^ values.keys())
            raise ValueError(
                f'{path}: {len(differing)} images are in this list or in that of {classes[0]!r} but not '
                f'in both: {", ".join(differing[:5])}. All lists of a split must name the same images.'
            )
        for image, (_, value) in values.items():
            if value == '1' or (value == '0' and difficult == 'present'):
                present.setdefault(image, []).append(name)
            elif value == '0' and difficult == 'unknown':
                unknown.setdefault(image, []).append(name)
    return [
        make_record(image, present.get(image, ()), unknown.get(image, ()), source) for image, source in first.items()
    ]


def _read_list(path: str, backend_args: dict | None) -> dict[str, tuple[int, str]]:
    values: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(read_text(path, backend_args=backend_args).splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 2 or fields[1] not in VALUES:
            raise ValueError(f'{path}:{number}: expected "name value" with a value of {VALUES}, but got {line!r}.')
        if fields[0] in values:
            raise ValueError(
                f'{path}:{number}: image {fields[0]!r} is listed twice (first in line {values[fields[0]][0]}).'
            )
        values[fields[0]] = (number, fields[1])
    return values
