"""Image-level labels in any common format."""

import inspect
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmwsl.utils.images import list_images, shorten_path, stem
from mmwsl.utils.text import first_five

from .class_folders import read_class_folders
from .coco import read_coco
from .columns import usual_columns
from .csv_table import load_csv, read_csv
from .cvat_xml import read_cvat_xml
from .json_table import read_json, read_jsonl
from .label_formats import recognize_format
from .label_studio import read_label_studio
from .one_hot import is_one_hot, read_one_hot
from .record import ImageLabelRecord, join_records
from .voc_xml import read_voc_xml
from .yolo import read_yolo

READERS: dict[str, Callable[..., Sequence[ImageLabelRecord]]] = {
    'csv': read_csv,
    'one-hot': read_one_hot,
    'json': read_json,
    'jsonl': read_jsonl,
    'coco': read_coco,
    'label-studio': read_label_studio,
    'cvat': read_cvat_xml,
    'voc-xml': read_voc_xml,
    'yolo': read_yolo,
    'class-folders': read_class_folders,
}
SPLITS = {'train', 'training', 'val', 'valid', 'validation', 'test', 'trainval', 'images', 'labels'}


def read_image_labels(
    source: str | Path, images: Iterable[str] | None = None, **options: Any
) -> tuple[list[ImageLabelRecord], str]:
    """Read image-level labels in any common format.

    =================  ==================================================================================
    format             recognized by
    =================  ==================================================================================
    ``csv``            a table with a header; one row per image, or per image and label
    ``one-hot``        a table with one column of 0, 1, -1 (unknown), true or false per class
    ``json``           ``[{"image": ..., "labels": [...]}]`` or ``{image: labels}``
    ``jsonl``          one object per line
    ``coco``           JSON with ``images``, ``annotations`` and ``categories``
    ``label-studio``   JSON: a list of tasks with ``data``, or JSON-MIN
    ``cvat``           XML with ``<image>``: "CVAT for images 1.1"
    ``voc-xml``        a folder of XML files
    ``yolo``           a folder of text files, and ``data.yaml`` or ``classes.txt``
    ``class-folders``  any other folder: the first folder of the path of an image is its label
    =================  ==================================================================================

    Args:
        source: The file or folder.
        images: Paths of the images relative to their folder. Class folders default to the images in ``source``. Paths
            that begin elsewhere are shortened to one of these: ``uploads/a/x.jpg`` becomes ``a/x.jpg``.
        **options: Passed to the reader of the format, such as ``image_column``, ``label_column``, ``separator`` and
            ``delimiter`` for tables, ``class_columns`` for one-hot tables, ``crowd`` for COCO, ``difficult`` for VOC.

    Returns:
        The records, and the name of the format.

    Raises:
        FileNotFoundError: If ``source`` does not exist.
        ValueError: If the format is not recognized or lacks one of the options, or the content is invalid.
    """
    if os.path.exists(source) and not os.path.isfile(source) and not os.path.isdir(source):
        raise ValueError(f'{source}: labels must be a file or a folder, got a pipe. Save it as a file.')
    found = recognize_format(source)
    if found == 'csv' and _has_class_columns(source, options):
        found = 'one-hot'
    known = [name for name in inspect.signature(READERS[found]).parameters if name not in ('path', 'folder', 'images')]
    if unknown := sorted(set(options) - set(known)):
        raise ValueError(f'{source}: options of format {found!r} must be among {known}, got {unknown}. Remove them.')
    listed = None if images is None else [image.replace('\\', '/') for image in images]
    if found == 'class-folders':
        listed = list_images(str(source)) if listed is None else listed
        _check_no_splits(listed, source)
        return read_class_folders(listed, **{'source': str(source)} | options), found
    if found in ('csv', 'json', 'jsonl'):
        options = {'image_column': None, 'label_column': None, 'check_spaces': True} | options
    if found in ('csv', 'one-hot'):
        options = {'delimiter': None} | options
    records = list(READERS[found](source, **options))
    if found in ('csv', 'json', 'jsonl'):
        records = join_records(records)
    if listed is not None:
        files = {*listed, *map(stem, listed)}
        records = [replace(record, image=shorten_path(record.image, files)) for record in records]
    return records, found


def _has_class_columns(path: str | Path, options: dict[str, Any]) -> bool:
    """Tell whether a table has one column per class: no column of labels, and numbers in all columns but one."""
    if 'class_columns' in options or 'label_column' in options:
        return 'class_columns' in options
    table = load_csv(path, options.get('delimiter'))
    return not usual_columns(table.header, 'label_column') and is_one_hot(table)


def _check_no_splits(images: Iterable[str], source: str | Path) -> None:
    """Check that the class folders are not the folders of a split, whose names would become classes.

    Raises:
        ValueError: If there is no image, or all first folders have names of splits.
    """
    folders = {image.split('/', 1)[0] for image in images if '/' in image}
    if not folders or {name.lower() for name in folders} <= SPLITS:
        raise ValueError(
            f'{source}: a folder without VOC XML files or YOLO labels must contain one folder of images per class, got '
            f'{first_five(sorted(folders)) or "none"}. Give the file of the labels, or the folder of the class folders.'
        )
