"""Images, labels and masks of a dataset matched to each other; errors count and name what is missing."""

import os
import warnings
from collections.abc import Collection, Mapping, Sequence
from functools import cache

from mmwsl.annotations import ImageLabelRecord
from mmwsl.utils.console import log_warning
from mmwsl.utils.images import names_in_folder, skipped_images, stem
from mmwsl.utils.text import first_five


def check_images(
    names: Sequence[str], files: Collection[str], source: str, folder: str, suffixes: tuple[str, ...]
) -> None:
    """Check that every listed image has a file.

    Args:
        names: The listed images.
        files: The names that have a file.
        source: Where they are listed, for the error.
        folder: The folder of images.
        suffixes: Suffixes of images.

    Raises:
        FileNotFoundError: If images are missing (count and first five).
    """
    missing = [name for name in names if name not in files]
    if missing:
        raise FileNotFoundError(
            f'{len(missing)} of the {len(names)} images of {source} are not in {folder!r} with a suffix of {suffixes}: '
            f'{first_five(missing)}. Check `data_prefix["img_path"]` and `img_suffix`, or remove them from the list.'
        )


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
    stems = {stem(name, suffixes) for name in listing}
    skipped = [
        name
        for name in skipped_images(everything, suffixes)
        if not (name.endswith(mask_suffix) and name.removesuffix(mask_suffix) in stems)
    ]
    if skipped:
        _warn_once(folder, tuple(skipped), suffixes)


@cache
def _warn_once(folder: str, skipped: tuple[str, ...], suffixes: tuple[str, ...]) -> None:
    """Warn of the images; once, although several datasets may read the folder."""
    log_warning(
        f'{folder}: {len(skipped)} images have other suffixes than {", ".join(suffixes)} and are left out: '
        f'{first_five(skipped)}. Convert them, or set `img_suffix`.',
    )


def check_masks(masks: Sequence[str], listing: Collection[str], folder: str) -> None:
    """Check that every mask that the pipeline opens exists.

    Args:
        masks: Paths of the masks relative to ``folder``.
        listing: Paths of the files in ``folder``.
        folder: The folder of masks.

    Raises:
        FileNotFoundError: If masks are missing (count and first five).
    """
    missing = [mask for mask in masks if mask.replace('\\', '/') not in listing]
    if missing:
        raise FileNotFoundError(
            f'{len(missing)} of the {len(masks)} masks that the pipeline opens are not in {folder!r}: '
            f'{first_five(missing)}. Check `data_prefix["seg_map_path"]` and `seg_map_suffix`, or the list.'
        )


def correct_mask_names(data_list: Sequence[dict], folder: str, backend_args: dict | None = None) -> None:
    """Correct the paths of masks whose names have another Unicode form than those of their images.

    Args:
        data_list: Data infos with ``seg_map_path``, changed in place.
        folder: The folder of masks.
        backend_args: See :mod:`mmengine.fileio`.
    """
    masks = [os.path.relpath(info['seg_map_path'], folder) for info in data_list]
    found = names_in_folder(masks, folder, backend_args)
    for info, mask in zip(data_list, masks, strict=True):
        if mask in found:
            info['seg_map_path'] = os.path.join(folder, found[mask])


def match_records(
    names: Sequence[str], records: Sequence[ImageLabelRecord], files: Mapping[str, str], listed_in: str, source: str
) -> list[ImageLabelRecord]:
    """Find the labels of every listed image.

    A list may write ``a`` where the table writes ``a.jpg``: the file that both mean is the common key.

    Args:
        names: The listed images.
        records: The labels, also of other images.
        files: File of each name.
        listed_in: Where the images are listed, for errors.
        source: Where the labels are from, for errors.

    Returns:
        One record per listed image, in order.

    Raises:
        ValueError: If an image has labels twice, or has none (count and first five).
    """
    by_file: dict[str, ImageLabelRecord] = {}
    for record in records:
        file = files.get(record.image, record.image)
        if file in by_file:
            raise ValueError(
                f'{record.source}: image {record.image!r} has labels twice (first at {by_file[file].source}). '
                'Keep one row per image.'
            )
        by_file[file] = record
    unlabeled = [name for name in names if files[name] not in by_file]
    if unlabeled:
        raise ValueError(
            f'{len(unlabeled)} of the {len(names)} images of {listed_in} have no labels in {source}: '
            f'{first_five(unlabeled)}. Add them (an empty label is a background image), or remove them from the list.'
        )
    return [by_file[files[name]] for name in names]


def warn_absent_classes(data_list: Sequence[dict], classes: Sequence[str], source: str) -> None:
    """Warn of classes that no training image is labeled with.

    Args:
        data_list: Data infos with ``img_label`` and ``unknown_label``.
        classes: Class names, background first.
        source: Where the labels are from.
    """
    seen = {label for info in data_list for label in info['img_label']}
    unseen = [name for label, name in enumerate(classes) if label > 0 and label not in seen]
    if not unseen:
        return
    if any(info['img_label'] or info['unknown_label'] for info in data_list):
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
