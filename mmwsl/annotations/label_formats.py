"""Formats of image-level labels recognized by the content of a file or folder."""

import re
import zipfile
from pathlib import Path

from mmwsl.utils.files import parse_json, read_bytes, read_text
from mmwsl.utils.text import plain

from .columns import usual_columns
from .xml_file import root_tag
from .yolo import find_yolo_names

TABLES = {
    **dict.fromkeys(('.xls', '.xlsx', '.xlsm', '.xlsb', '.ods', '.fods', '.numbers'), 'a spreadsheet'),
    **dict.fromkeys(('.sqlite', '.sqlite3', '.db', '.mdb', '.accdb'), 'a database'),
    **dict.fromkeys(('.parquet', '.feather', '.arrow', '.orc', '.pkl', '.pickle', '.h5', '.mat'), 'a binary table'),
}
"""Suffixes of tables that are not read, and what they are."""


def recognize_format(source: str | Path) -> str:
    """Return the format of a file or folder, see :func:`mmwsl.annotations.read_image_labels`.

    Args:
        source: The file or folder.

    Raises:
        FileNotFoundError: If ``source`` does not exist.
        ValueError: If the file is neither text nor in a known format.
    """
    source = Path(source)
    return _recognize_folder(source) if source.is_dir() else _recognize_file(source)


def _recognize_folder(folder: Path) -> str:
    xml = next(folder.glob('*.xml'), None)
    if xml and root_tag(read_bytes(xml), xml) == 'annotation':
        return 'voc-xml'
    if find_yolo_names(folder) and next(folder.rglob('*.txt'), None):
        return 'yolo'
    return 'class-folders'


def _recognize_file(path: Path) -> str:
    if kind := TABLES.get(path.suffix.lower()):
        raise ValueError(f'{path}: labels must be CSV or JSON, got {kind} ({path.suffix}). Save it as CSV, in UTF-8.')
    if zipfile.is_zipfile(path):
        raise ValueError(
            f'{path}: the label file must be text, got a ZIP archive or a spreadsheet. Save a spreadsheet as CSV, and '
            'unpack an archive.'
        )
    text = read_text(path).lstrip()
    if text.startswith('<'):
        if (root := root_tag(read_bytes(path), path)) != 'annotations':
            raise ValueError(
                f'{path}: an XML file must have the root <annotations> of "CVAT for images 1.1", got <{plain(root)}>. '
                'If it is an XML file of VOC, give its folder.'
            )
        return 'cvat'
    if text[:1] not in ('{', '['):
        return 'csv'
    return _recognize_json(text, path.suffix.lower())


def _recognize_json(text: str, suffix: str) -> str:
    """Tell the JSON formats apart by their keys: parsing would read the large files of COCO twice."""
    if text[0] == '{':
        if all(re.search(rf'"{key}"\s*:\s*\[', text) for key in ('images', 'annotations')):
            return 'coco'
        return 'jsonl' if suffix in ('.jsonl', '.ndjson') or _is_row(text.splitlines()[0]) else 'json'
    studio = re.search(r'"data"\s*:\s*\{', text) or re.search(r'"(annotator|annotation_id|lead_time)"\s*:', text)
    return 'label-studio' if studio else 'json'


def _is_row(line: str) -> bool:
    """Tell whether a line is an object with an image and its labels, not the start of a mapping."""
    try:
        row = parse_json(line, 'the first line')
    except ValueError:
        return False
    return bool(usual_columns(row, 'image_column') and usual_columns(row, 'label_column'))
