"""Check of a folder of images, their image-level labels and their masks, before anything is trained."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from mmwsl.annotations import ImageLabelRecord, read_image_labels, read_names
from mmwsl.datasets.classes import BACKGROUND
from mmwsl.datasets.folder import infer_classes
from mmwsl.report.data import Severity
from mmwsl.utils.image_files import ImageFile, survey_images
from mmwsl.utils.images import list_images, locate, stem
from mmwsl.utils.text import first_five

FEW = 5
"""A class in fewer training images than this is not learned reliably."""
IGNORED = 255


class DataError(ValueError):
    """Error: the data cannot be used; the message lists what to correct."""


@dataclass(frozen=True)
class DataCheck:
    """Result of a check.

    Attributes:
        folder: The folder of images.
        files: All image files, by name.
        records: Image-level labels of the usable images: file name to record, with names of files.
        classes: Names of the classes, background first.
        label_format: Format of the labels.
        val: Names of the listed validation images; None without a list.
        masks: Mask file of each image that has one.
        messages: Pairs of a severity, ``'info'``, ``'warning'`` or ``'error'``, and a sentence.
        notes: What is odd about an image, by name.
    """

    folder: Path
    files: dict[str, ImageFile]
    records: dict[str, ImageLabelRecord]
    classes: tuple[str, ...]
    label_format: str
    val: tuple[str, ...] | None
    masks: dict[str, Path]
    messages: list[tuple[Severity, str]] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)

    @property
    def errors(self) -> list[str]:
        """The messages that forbid a training."""
        return [text for severity, text in self.messages if severity == 'error']

    def label_matrix(self, names: Sequence[str]) -> np.ndarray:
        """Return the presence of the foreground classes in images, ``(N, K - 1)``: 1, 0, or -1 for unknown."""
        labels = np.zeros((len(names), len(self.classes) - 1), int)
        for row, name in zip(labels, names, strict=True):
            for value, present in ((-1, self.records[name].unknown), (1, self.records[name].labels)):
                row[[self.classes.index(label) - 1 for label in present if label != BACKGROUND]] = value
        return labels


def check_data(
    images: str | Path,
    labels: str | Path,
    val: str | Path | None = None,
    masks: str | Path | None = None,
    advance: Callable[[int], object] = lambda steps: None,
    **label_options: object,
) -> DataCheck:
    """Check a folder of images with image-level labels. Nothing is written.

    Args:
        images: Folder of images; its subfolders are included.
        labels: Labels, see :func:`mmwsl.annotations.read_image_labels`.
        val: List of the validation images, or a table of labels whose images they are.
        masks: Folder of masks named after their images, PNG files of class indices, 255 is ignored.
        advance: Called with the number of images that were read.
        **label_options: Passed to the reader of the labels.

    Raises:
        FileNotFoundError: If a file or folder does not exist.
        ValueError: If the labels cannot be read, or no image has any.
    """
    folder = Path(images)
    names = list_images(str(folder))
    if not names:
        raise DataError(f'images={str(folder)!r} must contain images, got none. Check the path.')
    records, label_format = read_image_labels(labels, names, **label_options)
    listed = read_list(val) if val is not None else None
    if isinstance(listed, list) and listed and isinstance(listed[0], ImageLabelRecord):
        known = {record.image for record in records}
        records = [*records, *(record for record in listed if record.image not in known)]
    files = {}
    for file in survey_images(folder, names, os.cpu_count() or 1):
        files[file.name] = file
        advance(1)
    check = DataCheck(folder, files, {}, infer_classes(records, f'labels={str(labels)!r}'), label_format, None, {})
    _match(check, records, str(labels))
    _check_files(check)
    if listed is not None:
        _match_list(check, [entry if isinstance(entry, str) else entry.image for entry in listed], str(val))
    if masks is not None:
        _check_masks(check, Path(masks))
    _check_classes(check)
    return check


def read_list(path: str | Path) -> list[str] | list[ImageLabelRecord]:
    """Read a list of images: one name per line, or a table of labels."""
    if Path(path).suffix.lower() == '.txt':
        return list(read_names(str(path)))
    return list(read_image_labels(path)[0])


def _match(check: DataCheck, records: Iterable[ImageLabelRecord], source: str) -> None:
    """Match the labels to the image files."""
    records = list(records)
    found = locate((record.image for record in records), check.files)
    # A table may write paths that begin elsewhere: `photos/a.jpg` for `a.jpg`.
    by_base: dict[str, list[str]] = {}
    for name in check.files:
        by_base.setdefault(stem(name).rpartition('/')[2], []).append(name)
    missing, twice = [], []
    for record in records:
        written = record.image.replace('\\', '/')
        candidates = by_base.get(stem(written).rpartition('/')[2], []) if '/' in written else []
        if record.image in found:
            candidates = [found[record.image]]
        if len(candidates) != 1:
            missing.append(record.image)
        elif candidates[0] in check.records:
            twice.append(candidates[0])
        else:
            check.records[candidates[0]] = record
    if not check.records:
        raise DataError(
            f'labels={source!r}: none of its {len(records)} images is in {str(check.folder)!r}: '
            f'{first_five(missing)}. Check the folder, and the names in the labels.'
        )
    if missing:
        check.messages.append(('warning', f'{len(missing)} labeled images have no file: {first_five(missing)}.'))
    if twice:
        check.messages.append(
            ('error', f'{len(twice)} images have labels twice: {first_five(twice)}. Keep one row per image.')
        )
    if unlabeled := [name for name in check.files if name not in check.records]:
        check.messages.append(('info', f'{len(unlabeled)} images have no labels and are not used to train.'))


def _check_files(check: DataCheck) -> None:
    """Find files that cannot be read, duplicates, other files, and unusual sizes."""
    if unreadable := [file for file in check.files.values() if file.error]:
        text = first_five([f'{file.name} ({file.error})' for file in unreadable])
        check.messages.append(('warning', f'{len(unreadable)} images cannot be read and are left out: {text}.'))
        for file in unreadable:
            check.records.pop(file.name, None)
            check.notes.setdefault(file.name, []).append('cannot be read')
    readable = [file for file in check.files.values() if not file.error]
    by_content: dict[str, list[str]] = {}
    for file in readable:
        by_content.setdefault(file.digest, []).append(file.name)
    groups = [group for group in by_content.values() if len(group) > 1]
    for group in groups:
        for name in group[1:]:
            check.notes.setdefault(name, []).append(f'duplicate of {group[0]}')
    if groups:
        pairs = first_five([' = '.join(group[:3]) for group in groups])
        count = sum(len(group) - 1 for group in groups)
        check.messages.append(('warning', f'{count} images are duplicates of others: {pairs}.'))
        check_duplicate_labels(check, groups)
    for file in readable:
        sides = sorted((file.width, file.height))
        if sides[0] < 32 or sides[1] > 6000 or sides[1] > 8 * sides[0]:
            check.notes.setdefault(file.name, []).append(f'unusual size, {file.width} x {file.height}')
    if odd := [name for name, notes in check.notes.items() if any(note.startswith('unusual') for note in notes)]:
        check.messages.append(('warning', f'{len(odd)} images have an unusual size: {first_five(odd)}.'))
    everything = {path.relative_to(check.folder).as_posix() for path in check.folder.rglob('*') if path.is_file()}
    others = sorted(name for name in everything - set(check.files) if '/.' not in f'/{name}')
    if others:
        suffixes = Counter(Path(name).suffix.lower() or 'no suffix' for name in others)
        kinds = ', '.join(f'{count} {suffix}' for suffix, count in suffixes.most_common(4))
        check.messages.append(('info', f'{len(others)} other files are not images and are left out ({kinds}).'))


def check_duplicate_labels(check: DataCheck, groups: Iterable[Sequence[str]]) -> None:
    """Warn of equal images with different labels."""
    for group in groups:
        labels = {frozenset(check.records[name].labels) for name in group if name in check.records}
        if len(labels) > 1:
            check.messages.append(('warning', f'equal images have different labels: {first_five(list(group))}.'))


def _match_list(check: DataCheck, names: list[str], source: str) -> None:
    """Find the validation images, and what they share with the training images."""
    found = locate(names, check.files)
    if missing := [name for name in names if name not in found]:
        raise DataError(
            f'--val {source!r}: {len(missing)} of its {len(names)} images are not in {str(check.folder)!r}: '
            f'{first_five(missing)}. Correct the names.'
        )
    val = tuple(name for name in dict.fromkeys(found[name] for name in names) if name in check.records)
    if not val:
        raise DataError(f'--val {source!r} must name labeled images that can be read, got none.')
    object.__setattr__(check, 'val', val)
    train = {check.files[name].digest: name for name in check.records if name not in val}
    if shared := [name for name in val if check.files[name].digest in train]:
        check.messages.append(
            (
                'warning',
                f'{len(shared)} validation images are also training images, by content: {first_five(shared)}. The '
                'evaluation is too good.',
            )
        )


def _check_masks(check: DataCheck, folder: Path) -> None:
    """Find the masks of the images, and check their sizes and values."""
    if not folder.is_dir():
        raise FileNotFoundError(f'--masks {str(folder)!r} must be a folder of PNG masks, got no such folder.')
    stems = Counter(stem(name) for name in check.files)
    for name in check.records:
        path = folder / f'{name if stems[stem(name)] > 1 else stem(name)}.png'
        if not path.is_file():
            continue
        try:
            with Image.open(path) as mask:
                values, size, bands = set(np.unique(np.asarray(mask)).tolist()), mask.size, len(mask.getbands())
        except OSError as error:
            check.messages.append(('error', f'mask {path.name!r} cannot be read: {error}.'))
            continue
        file = check.files[name]
        if bands != 1:
            problem = f'must have one channel of class indices, got {bands}'
        elif size != (file.width, file.height):
            problem = f'must have the size {file.width} x {file.height} of its image, got {size[0]} x {size[1]}'
        elif wrong := sorted(values - {*range(len(check.classes)), IGNORED}):
            hint = ' Is 255 the object? Write its class index.' if values <= {0, 255} else ''
            problem = f'must hold the indices of {list(check.classes)} or 255, got {wrong[:5]}.{hint}'
        else:
            check.masks[name] = path
            if values == {0, IGNORED}:
                check.notes.setdefault(name, []).append('mask of 0 and 255 only')
            continue
        check.messages.append(('error', f'mask {path.name!r} {problem}'.rstrip('.') + '.'))
    if not check.masks and not check.errors:
        check.messages.append(('error', f'--masks {str(folder)!r} has no mask NAME.png of a labeled image.'))


def _check_classes(check: DataCheck) -> None:
    """Find classes that are too rare to be learned, or always occur with another one."""
    labels = check.label_matrix(list(check.records)) == 1
    for name, count in zip(check.classes[1:], labels.sum(0), strict=True):
        if count < FEW:
            check.messages.append(('warning', f'class {name!r} is in {count} images only: it may not be learned.'))
    together = labels.T.astype(int) @ labels
    for i, name in enumerate(check.classes[1:]):
        others = [check.classes[j + 1] for j in range(len(together)) if j != i and together[i, i] == together[i, j] > 0]
        if others:
            check.messages.append(
                (
                    'warning',
                    f'every image with {name!r} also has {first_five(others)}: image-level labels cannot tell them '
                    'apart.',
                )
            )
    everywhere = [name for name, count in zip(check.classes[1:], labels.sum(0), strict=True) if count == len(labels)]
    if everywhere:
        check.messages.append(
            (
                'warning',
                f'{first_five(everywhere)} is in every image: add images without it, or its pixels cannot be told '
                'from the background.',
            )
        )


def format_check(check: DataCheck) -> str:
    """Format a check for the terminal: images, counts and co-occurrence of the classes, sizes, messages."""
    names = list(check.records)
    labels = check.label_matrix(names) == 1
    together = labels.T.astype(int) @ labels
    lines = [f'{len(check.files)} images, {len(names)} of them with labels ({check.label_format})']
    if check.val is not None:
        lines[0] += f', {len(check.val)} to validate'
    if check.masks:
        lines[0] += f', {len(check.masks)} with masks'
    width = max(len(name) for name in check.classes)
    lines.append(f'{"class":<{width}} images  together with')
    for k, name in enumerate(check.classes[1:]):
        others = sorted(((together[k, j], check.classes[j + 1]) for j in range(len(together)) if j != k), reverse=True)
        partners = ', '.join(f'{other} {count}' for count, other in others[:5] if count)
        lines.append(f'{name:<{width}} {together[k, k]:6d}  {partners}')
    lines.append(f'{"none":<{width}} {int((~labels.any(1)).sum()):6d}')
    sizes = np.array([(file.width, file.height) for file in check.files.values() if not file.error])
    if len(sizes):
        low, middle, high = (np.sort(sizes.max(1))[index] for index in (0, len(sizes) // 2, -1))
        lines.append(f'longer side: {low} to {high} pixels, median {middle}')
    lines += [f'{severity}: {text}' for severity, text in check.messages]
    return '\n'.join(lines)
