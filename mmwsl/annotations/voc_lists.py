"""Image-level labels, or labels of objects, from PASCAL VOC's classification and action lists."""

from collections.abc import Sequence
from pathlib import Path

from mmengine.fileio import join_path

from mmwsl.utils.files import read_text
from mmwsl.utils.text import check_choice, first_five, shorten

from .record import DIFFICULT, ImageLabelRecord, make_record

VALUES = ('1', '0', '-1')


def read_voc_lists(
    folder: str | Path,
    split: str,
    classes: Sequence[str],
    difficult: str = 'present',
    backend_args: dict | None = None,
    objects: bool = False,
) -> list[ImageLabelRecord]:
    """Read ``ImageSets/Main/{class}_{split}.txt``, lines ``2007_000027 -1``.

    The value is 1 for present, -1 for absent and 0 for a class that only has difficult objects; ``difficult`` is the
    label of the latter, see :func:`read_voc_xml`. VOC's classification score skips such an image for the class
    (``'unknown'``).

    Args:
        folder: The folder of the lists.
        split: ``'train'``, ``'val'``, ``'trainval'`` ...
        classes: The foreground classes; each has a list.
        difficult: ``'present'``, ``'unknown'`` or ``'absent'``.
        backend_args: See :mod:`mmengine.fileio`.
        objects: Read ``ImageSets/Action/{class}_{split}.txt``, lines ``2010_006135 2 -1``: the second field is the
            number of the object in the XML file, from 1. ``image`` of a record is then ``'2010_006135 2'``.

    Returns:
        One record per image or object, in the order of the first list.

    Raises:
        FileNotFoundError: If a list is missing.
        ValueError: If a line is not ``name value``, an image is listed twice, or two lists contain different images.
    """
    check_choice('difficult', difficult, DIFFICULT)
    first: dict[str, str] = {}
    present: dict[str, list[str]] = {}
    unknown: dict[str, list[str]] = {}
    for name in classes:
        path = join_path(folder, f'{name}_{split}.txt', backend_args=backend_args)
        values = _read_list(path, backend_args, objects)
        if not first:
            first = {image: f'{path}:{line}' for image, (line, _) in values.items()}
        elif first.keys() != values.keys():
            differing = sorted(first.keys() ^ values.keys())
            raise ValueError(
                f'{path}: all lists of a split must name the same images, got {len(differing)} that this list or the '
                f'list of {classes[0]!r} lacks: {first_five(differing)}. Correct the lists.'
            )
        for image, (_, value) in values.items():
            if value == '1' or (value == '0' and difficult == 'present'):
                present.setdefault(image, []).append(name)
            elif value == '0' and difficult == 'unknown':
                unknown.setdefault(image, []).append(name)
    return [
        make_record(image, present.get(image, ()), unknown.get(image, ()), source) for image, source in first.items()
    ]


def _read_list(path: str, backend_args: dict | None, objects: bool) -> dict[str, tuple[int, str]]:
    values: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(read_text(path, backend_args=backend_args).splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        *names, value = fields
        numbered = all(name.isdecimal() and len(name) < 9 for name in names[1:])
        if len(names) != 1 + objects or value not in VALUES or not numbered:
            expected = 'name number value' if objects else 'name value'
            raise ValueError(
                f'{path}:{number}: a line must be "{expected}" with a value of {VALUES}, got {shorten(line)}.'
            )
        name = ' '.join(names)
        if name in values:
            raise ValueError(
                f'{path}:{number}: image {shorten(name)} is listed twice (first in line {values[name][0]}).'
            )
        values[name] = (number, value)
    return values
