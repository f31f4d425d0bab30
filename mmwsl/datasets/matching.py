"""Images, labels and masks of a dataset matched to each other; errors count and name what is missing."""

import warnings
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from itertools import compress

import numpy as np

from mmwsl.annotations.label_table import LabelTable
from mmwsl.utils.console import log_warning
from mmwsl.utils.file_index import FileIndex
from mmwsl.utils.images import names_in_folder, skipped_images, stem
from mmwsl.utils.packed_strings import repeated_strings
from mmwsl.utils.text import first_five

from .packed_infos import InfoFormat, Labels
from .vocabulary import encode


def check_images(names: Sequence[str], places: np.ndarray, source: str, folder: str, suffixes: tuple[str, ...]) -> None:
    """Check that every listed image has a file.

    Args:
        names: The listed images.
        places: Index of the file of each; -1 for none.
        source: Where they are listed, for the error.
        folder: The folder of images.
        suffixes: Suffixes of images.

    Raises:
        FileNotFoundError: If images are missing (count and first five).
    """
    missing = np.flatnonzero(places < 0)
    if len(missing):
        raise FileNotFoundError(
            f'{len(missing)} of the {len(names)} images of {source} are not in {folder!r} with a suffix of {suffixes}: '
            f'{_first_five(names, missing)}. Check `data_prefix["img_path"]` and `img_suffix`, or remove them from the '
            'list.'
        )


def _first_five(names: Sequence[str], places: np.ndarray) -> str:
    return first_five(names[place] for place in places[:6].tolist())


def named_images(names: Sequence[str], folder: str, suffixes: tuple[str, ...]) -> FileIndex:
    """Return the images of a folder that cannot be listed, such as one at ``http://``: those with a name.

    Args:
        names: The listed images.
        folder: The folder of images.
        suffixes: Suffixes of images.

    Raises:
        ValueError: If there is no name, or names lack a suffix (the first five).
    """
    lacking = [name for name in names if not name.lower().endswith(suffixes)]
    if lacking or not names:
        raise ValueError(
            f'{folder} cannot be listed: the list or table must name images with a suffix of {suffixes}, got '
            f'{first_five(lacking) or "no list"}. Write the suffixes.'
        )
    return FileIndex(dict.fromkeys(names), suffixes)


def warn_skipped(
    folder: str, everything: Sequence[str], listing: Sequence[str], suffixes: tuple[str, ...], mask_suffix: str
) -> None:
    """Warn of images in formats that a dataset leaves out, except masks beside their images.

    Args:
        folder: The folder of images.
        everything: All files in it.
        listing: The images that are read.
        suffixes: Suffixes of the images that are read.
        mask_suffix: Suffix of the masks.
    """
    skipped = skipped_images(everything, suffixes)
    stems = {stem(name, suffixes) for name in listing} if skipped else set()
    skipped = [name for name in skipped if not (name.endswith(mask_suffix) and name.removesuffix(mask_suffix) in stems)]
    if skipped:
        _warn_once(folder, tuple(skipped), suffixes)


@cache
def _warn_once(folder: str, skipped: tuple[str, ...], suffixes: tuple[str, ...]) -> None:
    """Warn of the images; once, although several datasets may read the folder."""
    log_warning(
        f'{folder}: {len(skipped)} images have other suffixes than {", ".join(suffixes)} and are left out: '
        f'{first_five(skipped)}. Convert them, or set `img_suffix`.',
    )


def check_masks(masks: Iterable[str], count: int, listing: Collection[str], folder: str) -> None:
    """Check that every mask that the pipeline opens exists.

    Args:
        masks: Paths of the masks relative to ``folder``.
        count: Number of masks.
        listing: Paths of the files in ``folder``.
        folder: The folder of masks.

    Raises:
        FileNotFoundError: If masks are missing (count and first five).
    """
    missing = [mask for mask in masks if mask.replace('\\', '/') not in listing]
    if missing:
        raise FileNotFoundError(
            f'{len(missing)} of the {count} masks that the pipeline opens are not in {folder!r}: '
            f'{first_five(missing)}. Check `data_prefix["seg_map_path"]` and `seg_map_suffix`, or the list.'
        )


def unusual_masks(files: Sequence[str], form: InfoFormat, backend_args: dict | None = None) -> dict[str, str]:
    """Return the masks that are not named by the paths of their images without suffix.

    Their names have the suffix of the image too, as another image has the same path without it, or another Unicode form
    than that of the image.

    Args:
        files: Paths of the images in the folder.
        form: Names of folder and suffixes.
        backend_args: See :mod:`mmengine.fileio`.

    Returns:
        Path of the image to path of the mask.
    """
    stems = repeated_strings(lambda: (stem(file, form.suffixes) for file in files))
    masks = {file: file + form.mask_suffix for file in files if stem(file, form.suffixes) in stems} if stems else {}
    others = {file: masks.get(file) or form.mask_of(file) for file in files if not file.isascii()}
    found = names_in_folder(others.values(), form.mask_folder or '', backend_args)
    return masks | {file: found[mask] for file, mask in others.items() if mask in found}


def match_rows(
    names: Sequence[str] | None,
    places: np.ndarray,
    table: LabelTable,
    table_places: np.ndarray,
    listed_in: str,
    source: str,
) -> np.ndarray:
    """Find the labels of every listed image.

    A list may write ``a`` where the table writes ``a.jpg``: the file that both mean is the common key.

    Args:
        names: The listed images; None for those of the table.
        places: Index of the file of each.
        table: The labels, also of other images.
        table_places: Index of the file of each row; -1 for none.
        listed_in: Where the images are listed, for errors.
        source: Where the labels are from, for errors.

    Returns:
        One row of the table per listed image, in order.

    Raises:
        ValueError: If an image has labels twice, or has none (count and first five).
    """
    _check_once(table, table_places)
    if names is None:
        return np.arange(len(table))
    rows = np.full(1 + max(places.max(initial=-1), table_places.max(initial=-1)), -1, np.int64)
    labeled = np.flatnonzero(table_places >= 0)
    rows[table_places[labeled]] = labeled
    found = rows[places]
    unlabeled = np.flatnonzero(found < 0)
    if len(unlabeled):
        raise ValueError(
            f'{len(unlabeled)} of the {len(names)} images of {listed_in} have no labels in {source}: '
            f'{_first_five(names, unlabeled)}. Add them (an empty label is a background image), or remove them from '
            'the list.'
        )
    return found


def _check_once(table: LabelTable, places: np.ndarray) -> None:
    """Check that no image has two rows; an image without a file is known by its name.

    Raises:
        ValueError: If one has (the first).
    """
    outside = places < 0
    counts = np.bincount(places + 1)
    repeated = (counts[places + 1] > 1) & ~outside
    if counts[0] > 1:
        names = repeated_strings(lambda: compress(table.images, outside))
        repeated[outside] = [name in names for name in compress(table.images, outside)]
    before: dict[str | int, int] = {}
    for row in np.flatnonzero(repeated).tolist():
        key = table.images[row] if outside[row] else int(places[row])
        if key in before:
            second, first = table[row], table[before[key]]
            raise ValueError(
                f'{second.source}: image {second.image!r} has labels twice (first at {first.source}). '
                'Keep one row per image.'
            )
        before[key] = row


def encode_kinds(
    table: LabelTable, rows: np.ndarray, classes: Sequence[str], known: Collection[str]
) -> dict[int, Labels]:
    """Convert the labels of some rows to class ids.

    Args:
        table: The labels.
        rows: Rows of the images, in their order.
        classes: Names by id, background first.
        known: Names that may occur.

    Returns:
        The class ids of each code of these rows.

    Raises:
        ValueError: If the labels of an image are not valid (the first), see :func:`.vocabulary.encode`.
    """
    labels: dict[int, Labels] = {}
    wrong = np.zeros(len(table.kinds), bool)
    for code in np.flatnonzero(np.bincount(table.codes[rows])).tolist():
        record = table.kinds[code]
        try:
            present, unknown = encode(record, classes, known)
        except ValueError:
            wrong[code] = True
            continue
        sizes = (record.large, record.small) if record.large or record.small else ()
        labels[code] = (present, unknown, *([label for label in present if classes[label] in size] for size in sizes))
    if wrong.any():
        encode(table[rows[wrong[table.codes[rows]].argmax()]], classes, known)
    return labels


def warn_absent_classes(labels: Collection[Labels], classes: Sequence[str], source: str) -> None:
    """Warn of classes that no training image is labeled with.

    Args:
        labels: Combinations of labels of the images.
        classes: Class names, background first.
        source: Where the labels are from.
    """
    seen = {label for present, *_ in labels for label in present}
    unseen = [name for label, name in enumerate(classes) if label > 0 and label not in seen]
    if not unseen:
        return
    if any(present or unknown for present, unknown, *_ in labels):
        remark = (
            f'the label {", ".join(unseen)}: these classes are not trained. Check the spelling of the labels, or '
            'remove the classes from `metainfo["classes"]`.'
        )
    else:
        remark = (
            f'a label of the {len(unseen)} classes: all are background images. This is fine for one part of a '
            '`ConcatDataset`, but alone they train no class. If they should have labels, check the label column.'
        )
    warnings.warn(f'no image of {source} has {remark}', stacklevel=2)
