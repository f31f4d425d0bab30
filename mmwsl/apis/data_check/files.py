"""Images and masks of datasets, read once before a run."""

import os
import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from mmwsl.apis.supervision import MANIFEST
from mmwsl.datasets import ImageLabelDataset
from mmwsl.datasets.data_files import (
    image_files,
    leaf_datasets,
    mask_decoder,
    mask_files,
    stops_at,
)
from mmwsl.utils.console import log_warning
from mmwsl.utils.file_facts import Facts, file_facts
from mmwsl.utils.image_files import DARK
from mmwsl.utils.mask_facts import (
    CLASSES,
    FIXES,
    TRUNCATED,
    Decode,
    decode_mask,
    mask_problem,
    read_header,
    read_mask_facts,
)
from mmwsl.utils.text import first_five, plain

SHOWN = 3
"""Number of files in a message."""
SWITCH = 'Pass --check-data off to use them as they are.'
SECONDS = 10
"""Time between two lines about the progress."""


class Progress:
    """Log lines about files that take long to read.

    Args:
        total: Number of files.
        kind: What they are.
    """

    def __init__(self, total: int, kind: str) -> None:
        self.total, self.kind, self.done, self.next = total, kind, 0, time.monotonic() + SECONDS

    def __call__(self, steps: int) -> None:
        """Count files that were read."""
        self.done += steps
        if time.monotonic() > self.next:
            self.next += SECONDS
            print_log(f'checked {self.done} of {self.total} {self.kind}', 'current')


def check_files(dataset: Any, ignored: Collection[int] = ()) -> None:
    """Check the image files of a dataset, and the masks that its pipeline loads.

    Datasets without files, and loaders of unknown classes, are left alone.

    Args:
        dataset: The dataset, a wrapper, or a list.
        ignored: Values of masks that are ignored, in addition to the dataset's ``ignore_index``.

    Raises:
        ValueError: If a file cannot be used; the message names the first ones and counts all.
    """
    texts = []
    for leaf in leaf_datasets(dataset):
        texts += [text for text in (_check_images(leaf), check_masks(leaf, ignored)) if text]
    if texts:
        raise ValueError('\n'.join(dict.fromkeys(texts)))


def _check_images(dataset: BaseDataset) -> str:
    """Return a sentence about the files that are no images, by their headers; '' if there are none."""
    wanted = stops_at(dataset)
    paths = image_files(dataset) if wanted else []
    facts = file_facts(paths, read_header, 'header', Progress(len(paths), 'images'))
    wrong = {path: fact['error'] for path, fact in zip(paths, facts, strict=True) if 'error' in fact}
    if wanted == 'empty':
        wrong = {path: error for path, error in wrong.items() if error.startswith(TRUNCATED) or _is_empty(path)}
    warn_unusual(paths, facts)
    if not wrong:
        return ''
    texts = [f'cannot be read ({error})' for error in wrong.values()]
    switch = f' {SWITCH}' if wanted == 'empty' and not any(map(_is_empty, wrong)) else ''  # OpenCV fills them with gray
    named = list_problems(list(wrong), texts, len(paths), 'images')
    return f'{named} Replace them, or remove them from the list.{switch}'


def _is_empty(path: str) -> bool:
    return not os.path.exists(path) or not os.path.getsize(path)


def warn_unusual(paths: Sequence[str], facts: Sequence[Facts] | None = None) -> None:
    """Warn of images with several frames or pages, of which the first is read, and of dark ones with 16 bits.

    Args:
        paths: Local files.
        facts: Facts of :func:`mmwsl.utils.mask_facts.read_header`; None reads them.
    """
    facts = file_facts(paths, read_header, 'header') if facts is None else facts
    several = [path for path, fact in zip(paths, facts, strict=True) if 'frames' in fact]
    if several:
        log_warning(
            f'{len(several)} of {len(paths)} images have several frames or pages, of which the first is read: '
            f'{first_five(several)}.'
        )
    if dark := [path for path, fact in zip(paths, facts, strict=True) if 'dark' in fact]:
        log_warning(f'{len(dark)} of {len(paths)} images {DARK}: {first_five(dark)}.')


def read_masks(paths: Sequence[str], backend: str = 'pillow', decode: Decode = decode_mask) -> list[Facts]:
    """Read masks, or their stored facts; see :func:`mmwsl.utils.mask_facts.read_mask_facts`."""
    read: Callable[[str], Facts] = partial(read_mask_facts, decode=decode)
    return file_facts(paths, read, f'mask-{backend}', Progress(len(paths), 'masks'))


def check_masks(dataset: BaseDataset, ignored: Collection[int] = ()) -> str:
    """Return sentences about the masks of a dataset that cannot be used; '' if all can.

    Args:
        dataset: The dataset.
        ignored: Values that are ignored, in addition to the dataset's ``ignore_index``.
    """
    files = mask_files(dataset)
    if not files:
        return ''
    facts = read_masks([file.path for file in files], *mask_decoder(dataset))
    known = set(image_files(dataset))
    images = [file.image for file in files if file.image in known]
    headers = file_facts(images, read_header, 'header')
    sizes = {path: fact.get('size') for path, fact in zip(images, headers, strict=True)}
    classes = dataset.metainfo.get('classes')
    ignored = {*ignored, getattr(dataset, 'ignore_index', 255)}
    wrong: dict[str, tuple[str, str]] = {}
    for file, fact in zip(files, facts, strict=True):
        count = len(classes) if classes else None
        if problem := mask_problem(fact, sizes.get(file.image), count, ignored, file.convert):
            wrong[file.path] = problem
    if wrong:
        fixes = {kind: FIXES[kind] for kind, _ in wrong.values()}
        if CLASSES in fixes and isinstance(dataset, ImageLabelDataset):
            fixes[CLASSES] += ' If the files have other classes, set `seg_map_classes` of the dataset.'
        texts = [text for _, text in wrong.values()]
        switch = [SWITCH] * (CLASSES in fixes)  # with the other problems the run would fail
        return ' '.join([list_problems(list(wrong), texts, len(files), 'masks'), *fixes.values(), *switch])
    # A network that finds no object writes such pseudo-labels.
    generated = Path(dataset.data_prefix.get('seg_map_path') or '').parent.joinpath(MANIFEST).is_file()
    ids = {id_ for fact in facts for id_ in fact['values']}
    if not generated and all(files[0].convert(id_) in ignored for id_ in ids):
        return (
            f'{os.path.dirname(files[0].path)}: all {len(files)} masks have the values {sorted(ids)} only, which are '
            f'ignored: no labeled pixel is left. Set `ignore_index` if they mean a class. {SWITCH}'
        )
    if ids == {0, 255} and files[0].convert(255) in ignored and not generated:
        return ' '.join([*_binary(dataset, files[0].path, len(files)), SWITCH])
    return ''


def _binary(dataset: BaseDataset, path: str, count: int) -> list[str]:
    """Return sentences about masks of the values 0 and 255 only."""
    classes: Sequence[str] = dataset.metainfo.get('classes') or ()
    texts = [
        f'{os.path.dirname(path)}: all {count} masks have the values 0 and 255 only, and 255 is ignored: no pixel of '
        'an object is left. Convert 255 to the index of the class.'
    ]
    if isinstance(dataset, ImageLabelDataset) and len(classes) == 2:
        names = f"({classes[0]!r}, *['unused'] * 254, {classes[1]!r})"
        texts.append(f'If 255 means {classes[1]!r}, set `seg_map_classes={names}` of the dataset.')
    return texts


def list_problems(paths: Sequence[str], texts: Sequence[str], total: int, kind: str) -> str:
    """Return a sentence that names the first files with their problems, and counts all."""
    folder = os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in paths])
    named = [f'{plain(os.path.relpath(path, folder))} {text}' for path, text in zip(paths, texts, strict=True)]
    more = [f'{len(named) - SHOWN} more'] if len(named) > SHOWN else []
    return f'{folder}: {len(paths)} of {total} {kind} cannot be used: {"; ".join([*named[:SHOWN], *more])}.'
