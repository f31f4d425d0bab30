"""Filters of the images of a dataset by list and by labels, for ``filter_cfg``: each returns indices."""

import os.path as osp
from collections.abc import Iterable, Sequence

import numpy as np

from mmwsl.functional import per_class_split
from mmwsl.utils.images import stem

from .curriculum import has_more_labels
from .packed_infos import choose


def filter_infos(
    infos: Sequence[dict],
    filter_cfg: dict,
    excluded: tuple[Sequence[str], str] | None,
    folder: str,
    suffixes: tuple[str, ...],
    classes: Sequence[str],
) -> Sequence[dict]:
    """Apply the filters of a dataset, see :class:`.image_label.ImageLabelDataset`.

    Args:
        infos: Data infos.
        filter_cfg: The filters.
        excluded: Names in the list of images to exclude, and its path.
        folder: Folder of the images.
        suffixes: Suffixes of images.
        classes: Class names, background first.

    Raises:
        ValueError: If no image is left.
    """
    kept = infos
    if excluded is not None:
        kept = choose(kept, exclude_listed(kept, *excluded, folder, suffixes))
    if filter_cfg.get('filter_empty_gt'):
        kept = choose(kept, drop_unlabeled(kept, classes))
    if 'max_labels' in filter_cfg:
        kept = choose(kept, np.flatnonzero(~has_more_labels(kept, filter_cfg['max_labels'])))
    if 'min_labels' in filter_cfg:
        kept = choose(kept, np.flatnonzero(has_more_labels(kept, filter_cfg['min_labels'] - 1)))
    if filter_cfg.get('per_class'):
        kept = choose(kept, select_per_class(kept, **filter_cfg['per_class']))
    if infos and not kept:
        raise ValueError(f'`filter_cfg` must leave an image, got {filter_cfg}. Change it.')
    return kept


def exclude_listed(
    infos: Sequence[dict], names: Iterable[str], path: str, folder: str, suffixes: tuple[str, ...]
) -> np.ndarray:
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
    kept = _where(stem(osp.relpath(info['img_path'], folder), suffixes) not in excluded for info in infos)
    if not 0 < len(kept) < len(infos):
        raise ValueError(
            f'`filter_cfg=dict(exclude_file={path!r})` leaves {len(kept)} of {len(infos)} images. '
            'List some of the images, as `ann_file` names them.'
        )
    return kept


def drop_unlabeled(infos: Iterable[dict], classes: Sequence[str]) -> np.ndarray:
    """Drop the images without a present class; an error if none is left."""
    kept = _where(bool(info.get('img_label')) for info in infos)
    if not len(kept):
        raise ValueError(
            f'`filter_cfg=dict(filter_empty_gt=True)` leaves no image: none has a label of {list(classes[1:])}.'
        )
    return kept


def select_per_class(infos: Iterable[dict], count: int, seed: int = 0, rest: bool = False) -> np.ndarray:
    """Keep random images of each class, or with ``rest`` the others; see :func:`mmwsl.functional.per_class_split`.

    Raises:
        ValueError: If an image has no class, or several.
    """
    paths, labels = [], []
    for info in infos:
        present = info.get('img_label', [])
        paths.append(info['img_path'])
        labels.append(present[0] if len(present) == 1 else -1)
    several = labels.count(-1)
    if several:
        raise ValueError(
            f'`filter_cfg["per_class"]` must be used with one class per image, got {several} of {len(labels)} '
            'images without a class or with several. Remove it.'
        )
    order = np.array(sorted(range(len(paths)), key=paths.__getitem__), np.int64)  # the selection depends on it
    return order[per_class_split(np.array(labels, np.int64)[order], count, seed) != rest]


def _where(kept: Iterable[bool]) -> np.ndarray:
    return np.flatnonzero(np.fromiter(kept, bool))
