"""Curriculum by the number of image-level labels: simple images first."""

from collections.abc import Iterable, Sequence

import numpy as np


def split_by_labels(infos: Sequence[dict], max_labels: int = 1) -> tuple[list[dict], list[dict]]:
    """Split images into simple and complex ones by their numbers of classes (STC, Wei et al., TPAMI 2017).

    A class whose presence is unknown counts as present. A background image is simple.

    Args:
        infos: Data infos with ``img_label`` and, optionally, ``unknown_label``.
        max_labels: Largest number of foreground classes in a simple image.

    Returns:
        The simple and the complex images, each in their order.

    Raises:
        ValueError: If ``max_labels`` is negative, or an image has no image-level labels.
    """
    parts: tuple[list[dict], list[dict]] = ([], [])
    for info, more in zip(infos, has_more_labels(infos, max_labels), strict=True):
        parts[int(more)].append(info)
    return parts


def has_more_labels(infos: Iterable[dict], max_labels: int) -> np.ndarray:
    """Tell which images have more than ``max_labels`` classes, see :func:`split_by_labels`."""
    if max_labels < 0:
        raise ValueError(f'`max_labels` must be at least 0, got {max_labels}.')

    def count(info: dict) -> int:
        if 'img_label' not in info:
            raise ValueError(
                f'image {info.get("img_path")!r} must have image-level labels to count them, got none. Set the '
                '`label_file` of the dataset.'
            )
        return len(info['img_label']) + len(info.get('unknown_label', ()))

    return np.fromiter((count(info) > max_labels for info in infos), bool)
