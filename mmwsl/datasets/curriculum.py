"""Curriculum by the number of image-level labels: simple images first."""

from collections.abc import Sequence


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
    if max_labels < 0:
        raise ValueError(f'`max_labels` must be at least 0, got {max_labels}.')
    parts: tuple[list[dict], list[dict]] = ([], [])
    for info in infos:
        if 'img_label' not in info:
            raise ValueError(
                f'image {info.get("img_path")!r} must have image-level labels to count them, got none. Set the '
                '`label_file` of the dataset.'
            )
        parts[len(info['img_label']) + len(info.get('unknown_label', ())) > max_labels].append(info)
    return parts
