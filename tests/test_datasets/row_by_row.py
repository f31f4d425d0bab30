"""A table of labels matched to images row by row, with dictionaries: what the datasets must agree with."""

import csv
import io
from collections import Counter
from unicodedata import normalize

from mmwsl.annotations.class_names import check_given
from mmwsl.annotations.record import make_record
from mmwsl.annotations.separators import find_separator, split_cell
from mmwsl.datasets.vocabulary import encode

SUFFIXES = ('.jpg', '.png')
COLUMNS = ('labels', 'unknown', 'large', 'small')


def without_suffix(name):
    return name[:-4] if name.lower().endswith(SUFFIXES) else name


def read_records(path):
    """The records of a UTF-8 table with the columns ``image`` and ``labels``."""
    lines, reader = [], csv.reader(io.StringIO(path.read_text(encoding='utf-8')), strict=True)
    try:
        for cells in reader:
            if cells:
                lines.append((f'{path}:{reader.line_num}', cells))
    except csv.Error as error:
        raise ValueError(f'{path}:{reader.line_num}: not a CSV row ({error}).') from error
    header = [name.strip() for name in lines[0][1]]
    for source, cells in lines[1:]:
        if [cell.strip() for cell in cells] == header:
            raise ValueError(f'{source}: a row must be an image, got the header again. Remove the line.')
        if len(cells) != len(header):
            raise ValueError(
                f'{source}: the row must have {len(header)} cells like the header, got {len(cells)}. Quote cells that '
                'contain commas, and keep the separator of an empty cell.'
            )
    rows = [(source, dict(zip(header, cells, strict=True))) for source, cells in lines[1:]]
    for source, row in rows:
        if not row['image'].strip():
            raise ValueError(f"{source}: the cell 'image' is empty. Write the image name or remove the row.")
    separator = find_separator([row.get(column, '') for _, row in rows for column in COLUMNS], str(path))
    records = []
    for source, row in rows:
        present, unknown, large, small = (split_cell(row.get(column, ''), separator) for column in COLUMNS)
        check_given([*present, *unknown], source)
        records.append(make_record(row['image'].strip(), present, unknown, source, large, small))
    return records


def find_file(name, files):
    """The file of a name; None without one."""
    if name in files:
        return name
    key = normalize('NFC', name)
    found = [file for file in files if key in (normalize('NFC', file), normalize('NFC', without_suffix(file)))]
    if len(found) > 1:
        raise ValueError(
            f'image {name!r} matches several files: {", ".join(sorted(found))}. Write the suffix in the list or table.'
        )
    return found[0] if found else None


def expected_infos(root, files, names, classes, masks):
    """The data infos of the images ``names``, or of all records for None."""
    label_file, folder = str(root / 'labels.csv'), str(root / 'images')
    records = read_records(root / 'labels.csv')
    if not records and names is None:
        raise ValueError(f'label_file={label_file!r} is empty: no image is listed.')
    found = {name: find_file(name, files) for name in [record.image for record in records] + (names or [])}
    listed_in = f'ann_file={str(root / "list.txt")!r}'
    source = f'label_file={label_file!r}' if names is None else listed_in
    listed = [record.image for record in records] if names is None else names
    if missing := [name for name in listed if found[name] is None]:
        raise FileNotFoundError(
            f'{len(missing)} of the {len(listed)} images of {source} are not in {folder!r} with a suffix of '
            f'{SUFFIXES}: {", ".join(missing[:5])}{" ..." if len(missing) > 5 else ""}. Check '
            '`data_prefix["img_path"]` and `img_suffix`, or remove them from the list.'
        )
    by_file = {}
    for record in records:
        file = found[record.image] or record.image
        if file in by_file:
            raise ValueError(
                f'{record.source}: image {record.image!r} has labels twice (first at {by_file[file].source}). '
                'Keep one row per image.'
            )
        by_file[file] = record
    if unlabeled := [name for name in listed if found[name] not in by_file]:
        raise ValueError(
            f'{len(unlabeled)} of the {len(listed)} images of {listed_in} have no labels in label_file={label_file!r}: '
            f'{", ".join(unlabeled[:5])}{" ..." if len(unlabeled) > 5 else ""}. Add them (an empty label is a '
            'background image), or remove them from the list.'
        )
    stems, infos = Counter(map(without_suffix, files)), []
    for place, name in enumerate(listed):
        record, stem = by_file[found[name]], without_suffix(found[name])
        info = dict(img_path=f'{folder}/{found[name]}', num_classes=len(classes), label_map=None, seg_fields=[])
        if masks:
            info['seg_map_path'] = f'{root}/masks/{found[name] if stems[stem] > 1 else stem}.png'
        present, unknown = encode(record, classes, classes[1:])
        info |= dict(img_label=present, unknown_label=unknown, reduce_zero_label=False, sample_idx=place)
        if record.large or record.small:
            for key in ('large', 'small'):
                info[f'{key}_label'] = [label for label in present if classes[label] in getattr(record, key)]
        infos.append(info)
    return infos
