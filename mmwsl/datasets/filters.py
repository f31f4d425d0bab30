"""Filters of the images of a dataset by list and by labels, for ``filter_cfg``."""

import os.path as osp
from collections.abc import Iterable, Sequence

import numpy as np

from mmwsl.functional import per_class_split
from mmwsl.utils.images import stem


def exclude_listed(
    infos: Sequence[dict], names: Iterable[str], path: str, folder: str, suffixes: tuple[str, ...]
) -> list[dict]:
    """Drop the images of a list.

    Args:
        infos: Data infos with ``img_path``.
        names: Names of the list, relative to the folder, with or without suffix.
        path: File of the list, for the error.
        folder: Folder of the images.
        suffixes: Suffixes of images.

    Raises:
        ValueError: If the list has none of the images, or all of them.
    """
    excluded = {stem(name, suffixes) for name in names}
    kept = [info for info in infos if stem(osp.relpath(info['img_path'], folder), suffixes) not in excluded]
    if not 0 < len(kept) < len(infos):
        raise ValueError(
            f'`filter_cfg=dict(exclude_file={path!r})` leaves {len(kept)} of {len(infos)} images. '
            'List some of the images, as `ann_file` names them.'
        )
    return kept


def drop_unlabeled(infos: Iterable[dict], classes: Sequence[str]) -> list[dict]:
    """Drop the images without a present class; an error if none is left."""
    kept = [info for info in infos if info.get('img_label')]
    if not kept:
        raise ValueError(
            f'`filter_cfg=dict(filter_empty_gt=True)` leaves no image: none has a label of {list(classes[1:])}.'
        )
    return kept


def select_per_class(infos: Iterable[dict], count: int, seed: int = 0, rest: bool = False) -> list[dict]:
    """Keep random images of each class, or with ``rest`` the others; see :func:`mmwsl.functional.per_class_split`.

    Raises:
        ValueError: If an image has no class, or several.
    """
    ordered = sorted(infos, key=lambda info: info['img_path'])  # the selection depends on their order
    labels = [info.get('img_label', []) for info in ordered]
    several = sum(len(present) != 1 for present in labels)
    if several:
        raise ValueError(
            f'`filter_cfg["per_class"]` must be used with one class per image, got {several} of {len(labels)} '
            'images without a class or with several. Remove it.'
        )
    selected = per_class_split(np.array(labels).reshape(-1), count, seed)
    return [info for info, chosen in zip(ordered, selected, strict=True) if chosen != rest]
