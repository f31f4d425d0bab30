"""Findings of a check: odd files, masks that do not fit, classes that cannot be learned."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from mmwsl.annotations import IGNORE_INDEX
from mmwsl.apis.data_check import list_problems, read_masks
from mmwsl.datasets.classes import BACKGROUND
from mmwsl.report.data import Severity
from mmwsl.utils.file_facts import Facts
from mmwsl.utils.image_files import DARK
from mmwsl.utils.images import list_images, names_in_folder, skipped_images, stem, unique_stem
from mmwsl.utils.mask_facts import FIXES, mask_problem
from mmwsl.utils.text import first_five

from .data_check import DataCheck

FEW = 5
"""A class in fewer training images than this is not learned reliably."""
LISTED = 10
"""Classes that are named, of those with the same problem."""


def check_files(check: DataCheck) -> None:
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
    if several := [file.name for file in readable if file.frames > 1]:
        text = f'{len(several)} images have several frames or pages, of which the first is read: {first_five(several)}.'
        check.messages.append(('warning', text))
    if dark := [file.name for file in readable if file.dark]:
        check.messages.append(('warning', f'{len(dark)} images {DARK}: {first_five(dark)}.'))
    everything = {path.relative_to(check.folder).as_posix() for path in check.folder.rglob('*') if path.is_file()}
    others = sorted(name for name in everything - set(check.files) if '/.' not in f'/{name}')
    if skipped := skipped_images(others):
        text = f'{len(skipped)} images have formats that are not read and are left out: {first_five(skipped)}.'
        check.messages.append(('warning', f'{text} Convert them.'))
    if others := [name for name in others if name not in skipped]:
        suffixes = Counter(Path(name).suffix.lower() or 'no suffix' for name in others)
        kinds = ', '.join(f'{count} {suffix}' for suffix, count in suffixes.most_common(4))
        check.messages.append(('info', f'{len(others)} other files are not images and are left out ({kinds}).'))


def check_folders(check: DataCheck, folder: Path) -> None:
    """Find class folders without images."""
    used = {name.partition('/')[0] for name in check.files}
    folders = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith('.'))
    if empty := [name for name in folders if name not in used]:
        check.messages.append(('warning', f'{len(empty)} class folders have no image: {first_five(empty)}.'))


def check_duplicate_labels(check: DataCheck, groups: Iterable[Sequence[str]]) -> None:
    """Warn of equal images with different labels."""
    for group in groups:
        labels = {frozenset(check.records[name].labels) for name in group if name in check.records}
        if len(labels) > 1:
            check.messages.append(('warning', f'equal images have different labels: {first_five(list(group))}.'))


def check_masks(check: DataCheck, folder: Path, read: bool = True) -> None:
    """Find the masks of the images, and check their sizes and values.

    Args:
        check: The check, which gets the masks.
        folder: Folder of the masks.
        read: Whether to read them; otherwise all are used as they are.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f'--masks {str(folder)!r} must be a folder of PNG masks, got no such folder.')
    stems = Counter(stem(name) for name in check.files)
    masks = {name: f'{unique_stem(name, stems)}.png' for name in check.records}
    renamed = names_in_folder(masks.values(), str(folder))
    paths = {name: folder / renamed.get(mask, mask) for name, mask in masks.items()}
    # A link to a missing file is an error, not an image without a mask.
    paths = {name: path for name, path in paths.items() if path.is_file() or path.is_symlink()}
    if not read:
        check.masks = paths
        return
    wrong: dict[str, tuple[str, str]] = {}
    contradicting: dict[str, str] = {}
    used_facts: list[Facts] = []
    for (name, path), facts in zip(paths.items(), read_masks(list(map(str, paths.values()))), strict=True):
        file = check.files[name]
        problem = mask_problem(facts, (file.width, file.height), len(check.classes), (IGNORE_INDEX,))
        if problem is not None:
            wrong[str(path)] = problem
            continue
        check.masks[name] = path
        used_facts.append(facts)
        if set(facts['values']) == {0, IGNORE_INDEX}:
            check.notes.setdefault(name, []).append('mask of 0 and 255 only')
        record = check.records[name]
        labeled = {check.classes.index(label) for label in (*record.labels, *record.unknown)}
        if strange := set(facts['values']) - labeled - {0, IGNORE_INDEX}:
            contradicting[name] = ', '.join(check.classes[value] for value in sorted(strange))
    val = [name for name in check.val or () if name in check.records]
    if val and not set(val) & set(paths):
        text = f'no mask in {str(folder)!r} is of one of the {len(val)} validation images: no mIoU is measured.'
        check.messages.append(('warning', text))
    if wrong:
        problems = list_problems(list(wrong), [text for _, text in wrong.values()], len(paths), 'masks')
        fixes = dict.fromkeys(FIXES[kind] for kind, _ in wrong.values())
        check.messages.append(('error', ' '.join([problems, *fixes])))
    if contradicting:
        most: Severity = 'error' if 2 * len(contradicting) > len(check.masks) else 'warning'
        ids = first_five(f'{index} {name}' for index, name in enumerate(check.classes) if index)
        pairs = first_five(f'{name} ({classes})' for name, classes in contradicting.items())
        text = f'{len(contradicting)} masks hold classes that are not among the labels of their image: {pairs}.'
        check.messages.append((most, f'{text} The values of the classes are {ids}: correct the masks or the labels.'))
    seen = {check.classes[value] for facts in used_facts for value in facts['values'] if value < len(check.classes)}
    named = {label for name in check.masks for label in check.records[name].labels}
    if unseen := [name for name in check.classes[1:] if name in named - seen]:
        text = f'no mask has a pixel of {first_five(unseen)}, which the labels of these images name'
        check.messages.append(('warning', f'{text}. Correct the masks.'))
    binary = [name for name in check.masks if 'mask of 0 and 255 only' in check.notes.get(name, ())]
    if binary:
        severity: Severity = 'error' if len(binary) == len(check.masks) else 'warning'
        text = f'{len(binary)} masks hold 0 and 255 only, and 255 is ignored: {first_five(binary)}.'
        check.messages.append((severity, f'{text} Write the class index of the object, such as 1.'))
    used = {path.resolve() for path in paths.values()}
    images = map(folder.joinpath, list_images(str(folder)))
    if others := sorted(path.name for path in images if path.resolve() not in used):
        text = f'{len(others)} masks fit no labeled image by name, or do not end with .png: {first_five(others)}.'
        check.messages.append(('warning', text))
    if not check.masks and not check.errors:
        check.messages.append(('error', f'--masks {str(folder)!r} has no mask NAME.png of a labeled image.'))


def check_classes(check: DataCheck) -> None:
    """Find classes that are too rare to be learned, or always occur with another one."""
    mixed = [
        record.source or name
        for name, record in check.records.items()
        if BACKGROUND in record.labels[1:] + record.labels[:-1]
    ]
    if mixed:
        check.messages.append(
            ('error', f'{len(mixed)} images have `background` beside other labels: {first_five(mixed)}. Remove it.')
        )
    val = set(check.val or ())
    labels = check.label_matrix([name for name in check.records if name not in val]) == 1
    counts = dict(zip(check.classes[1:], labels.sum(0).tolist(), strict=True))
    if rare := [f'{name} {count}' for name, count in counts.items() if count < FEW]:
        text = (
            f'{len(rare)} classes have fewer than {FEW} images to train on and may not be learned: {first_five(rare)}.'
        )
        check.messages.append(('warning', text))
    together = labels.T.astype(int) @ labels
    pairs = []
    for i, name in enumerate(check.classes[1:]):
        others = [check.classes[j + 1] for j in range(len(together)) if j != i and together[i, i] == together[i, j] > 0]
        if others:
            pairs.append(
                f'every image with {name!r} also has {first_five(others)}: image-level labels cannot tell them apart.'
            )
    check.messages += [('warning', text) for text in pairs[:LISTED]]
    if len(pairs) > LISTED:
        check.messages.append(('warning', f'so it is with {len(pairs) - LISTED} other classes.'))
    everywhere = [name for name, count in zip(check.classes[1:], labels.sum(0), strict=True) if count == len(labels)]
    if everywhere:
        check.messages.append(
            (
                'warning',
                f'{first_five(everywhere)} is in every image: add images without it, or its pixels cannot be told '
                'from the background.',
            )
        )
