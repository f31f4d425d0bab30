"""Check of a folder of images, their image-level labels and their masks, before anything is trained."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from mmwsl.annotations import ImageLabelRecord, read_image_labels, read_names
from mmwsl.apis.data_check import describe_overlap
from mmwsl.datasets import vocabulary
from mmwsl.datasets.classes import BACKGROUND
from mmwsl.datasets.folder import infer_classes
from mmwsl.report.data import Severity
from mmwsl.utils.cores import available_cores
from mmwsl.utils.file_index import locate
from mmwsl.utils.image_files import survey_images
from mmwsl.utils.images import list_images, shorten_path, stem
from mmwsl.utils.text import first_five

from .data_check import DataCheck, DataError
from .findings import check_classes, check_files, check_folders, check_masks


def check_data(
    images: str | Path,
    labels: str | Path,
    val: str | Path | None = None,
    masks: str | Path | None = None,
    advance: Callable[[int], object] = lambda steps: None,
    read_masks: bool = True,
    **label_options: Any,
) -> DataCheck:
    """Check a folder of images with image-level labels. Nothing is written.

    Args:
        images: Folder of images; its subfolders are included.
        labels: Labels, see :func:`mmwsl.annotations.read_image_labels`.
        val: List of the validation images, or a table of labels whose images they are.
        masks: Folder of masks named after their images, PNG files of class indices, 255 is ignored.
        advance: Called with the number of images that were read.
        read_masks: Whether to check the masks; otherwise all are used as they are.
        **label_options: Passed to the reader of the labels.

    Raises:
        FileNotFoundError: If a file or folder does not exist.
        ValueError: If the labels cannot be read, or no image has any.
    """
    folder = Path(images)
    for argument, path in (('--labels', labels), ('--val', val), ('--masks', masks)):
        if path is not None and not Path(path).exists():
            raise FileNotFoundError(f'{argument} {str(path)!r} does not exist. Check the path.')
    if not folder.is_dir():
        found = 'a file' if folder.exists() else 'no such folder'
        raise FileNotFoundError(f'images={str(folder)!r} must be a folder, got {found}. Check the path.')
    names = list_images(str(folder))
    if not names:
        raise DataError(f'images={str(folder)!r} must contain images, got none. Check the path.')
    records, label_format = read_image_labels(labels, names, **label_options)
    listed = read_list(val, names, **label_options) if val is not None else None
    table = [entry for entry in listed or () if isinstance(entry, ImageLabelRecord)]
    known = {record.image: record for record in records}
    records = [*records, *(record for record in table if record.image not in known)]
    if other := [entry.image for entry in table if set(known.get(entry.image, entry).labels) != set(entry.labels)]:
        raise DataError(
            f'--val {str(val)!r} must have the labels of --labels, got others for {len(other)} images: '
            f'{first_five(other)}. Correct one of them.'
        )
    if not any(set(record.labels) - {BACKGROUND} for record in records):
        raise DataError(f'--labels {str(labels)!r} must name classes, got background images only. Add labels.')
    files = {}
    for file in survey_images(folder, names, available_cores()):
        files[file.name] = file
        advance(1)
    classes = infer_classes(records, f'labels={str(labels)!r}')
    if len(classes) > vocabulary.MAX_CLASSES:
        raise DataError(
            f'--labels {str(labels)!r} must name at most {vocabulary.MAX_CLASSES - 1} classes, got {len(classes) - 1}: '
            'masks have 8 bits, and 255 is ignored. Leave classes out.'
        )
    vocabulary.check_classes(classes)
    check = DataCheck(folder, files, {}, classes, label_format, None, {})
    _match(check, records, str(labels))
    check_files(check)
    if label_format == 'class-folders':
        check_folders(check, Path(labels))
    if listed is not None:
        _match_list(check, [entry if isinstance(entry, str) else entry.image for entry in listed], str(val))
    if masks is not None:
        check_masks(check, Path(masks), read_masks)
    check_classes(check)
    train = set(check.records) - set(check.val or ())
    if len(train) < 2:
        text = f'at least 2 labeled images must be left for training beside those of --val, got {len(train)}.'
        check.messages.append(('error', text))
    return check


def read_list(path: str | Path, images: list[str], **label_options: Any) -> list[str] | list[ImageLabelRecord]:
    """Read a list of images: one name per line, or a table of labels; paths are shortened to ``images``."""
    if Path(path).suffix.lower() == '.txt':
        files = {*images, *map(stem, images)}
        return [shorten_path(name, files) for name in read_names(str(path), argument='--val')]
    return list(read_image_labels(path, images, **label_options)[0])


def _match(check: DataCheck, records: Iterable[ImageLabelRecord], source: str) -> None:
    """Match the labels to the image files."""
    records = list(records)
    found = locate((record.image for record in records), check.files)
    missing, twice = [], []
    for record in records:
        if (name := found.get(record.image)) is None:
            missing.append(record.image)
        elif name in check.records:
            twice.append(name)
        else:
            check.records[name] = record
    if not check.records:
        raise DataError(
            f'labels={source!r}: none of its {len(records)} images is in {str(check.folder)!r}: '
            f'{first_five(missing)}. {_zeros(check, missing) or "Check the folder, and the names in the labels."}'
        )
    if missing:
        check.messages.append(_describe_missing(check, missing))
    if twice:
        check.messages.append(
            ('error', f'{len(twice)} images have labels twice: {first_five(twice)}. Keep one row per image.')
        )
    if unlabeled := [name for name in check.files if name not in check.records]:
        check.messages.append(('info', f'{len(unlabeled)} images have no labels and are not used to train.'))


def _describe_missing(check: DataCheck, missing: Sequence[str]) -> tuple[Severity, str]:
    """Describe labeled images without a file; an error if most images have no labels for this reason."""
    text = f'{len(missing)} labeled images have no file: {first_five(missing)}.'
    if zeros := _zeros(check, missing):
        return 'error', f'{text} {zeros}'
    if len(check.records) < min(len(missing), len(check.files) / 2):
        return 'error', f'{text} Only {len(check.records)} of {len(check.files)} images have labels: correct the names.'
    return 'warning', text


def _zeros(check: DataCheck, missing: Iterable[str]) -> str:
    """Return a sentence about names whose leading zeros a spreadsheet removed; '' if there are none."""
    files = {
        stem(name).lstrip('0'): name for name in check.files if name not in check.records and stem(name)[:1] == '0'
    }
    found = next((name for name in missing if stem(name).isdecimal() and stem(name) in files), None)
    if found is None:
        return ''
    return (
        f'{found} may be {files[stem(found)]}: a spreadsheet removes leading zeros. Format the column of the images as '
        'text, and export the table again.'
    )


def _match_list(check: DataCheck, names: list[str], source: str) -> None:
    """Find the validation images, and what they share with the training images."""
    found = locate(names, check.files)
    if missing := [name for name in names if name not in found]:
        raise DataError(
            f'--val {source!r}: {len(missing)} of its {len(names)} images are not in {str(check.folder)!r}: '
            f'{first_five(missing)}. Correct the names.'
        )
    listed = list(dict.fromkeys(found[name] for name in names))
    val = tuple(name for name in listed if name in check.records)
    if not val:
        raise DataError(f'--val {source!r} must name labeled images that can be read, got none.')
    if left_out := [name for name in listed if name not in check.records]:
        text = f'{len(left_out)} of the {len(listed)} images of --val have no labels or cannot be read, and do not'
        check.messages.append(('warning', f'{text} validate: {first_five(left_out)}.'))
    check.val = val
    train = {check.files[name].digest: name for name in check.records.keys() - set(val)}
    shared = [name for name in val if check.files[name].digest in train]
    if overlap := describe_overlap(shared, len(val)):
        check.overlap = overlap
        check.messages.append(('warning', f'{overlap}. Their metrics are overestimated.'))
