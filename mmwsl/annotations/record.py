"""The record that every reader of image-level labels returns."""

from collections.abc import Iterable
from dataclasses import dataclass

from mmwsl.utils.text import first_five, shorten

from .class_names import check_visible

DIFFICULT = ('present', 'unknown', 'absent')


@dataclass(frozen=True)
class ImageLabelRecord:
    """Image-level labels of one image, as class names.

    Attributes:
        image: Name of the image as the label file writes it, with or without folder and suffix.
        labels: Names of the classes present. Empty means a background image.
        unknown: Names of the classes that may or may not be present.
        source: Where the record was read, ``file:line`` for files with lines. For error messages.
        large: Names of the classes present that cover much of the image.
        small: Names of the classes present that cover little of it.
    """

    image: str
    labels: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    source: str = ''
    large: tuple[str, ...] = ()
    small: tuple[str, ...] = ()


def make_record(
    image: str,
    labels: Iterable[str],
    unknown: Iterable[str] = (),
    source: str = '',
    large: Iterable[str] = (),
    small: Iterable[str] = (),
) -> ImageLabelRecord:
    """Build a record: repeated names collapse, and a name both present and unknown is present.

    Raises:
        ValueError: If a class has a size label but is not present, has two size labels, or a name with a character that
            cannot be seen.
    """
    present, large, small = (dict.fromkeys(names) for names in (labels, large, small))
    unknown = dict.fromkeys(unknown)
    check_visible([*present, *unknown], source)
    for name in (*large, *small):
        if name not in present:
            raise ValueError(
                f'{source}: the size labels of image {shorten(image)} must be among its labels '
                f'({first_five(present) or "none"}), got {shorten(name)}. Add the label or remove the size.'
            )
        if name in large and name in small:
            raise ValueError(
                f'{source}: image {shorten(image)} labels {shorten(name)} as large and as small. Keep one.'
            )
    unknown = tuple(name for name in unknown if name not in present)
    return ImageLabelRecord(image, tuple(present), unknown, source, tuple(large), tuple(small))


def join_records(records: Iterable[ImageLabelRecord]) -> list[ImageLabelRecord]:
    """Join the rows of tables that have one row per image and label.

    Only rows with exactly one label are joined. Other rows of one image contradict each other, and stay as they are:
    whoever matches them to images reports the second one.

    Args:
        records: The rows.

    Returns:
        One record per image, in the order of their first rows; ``source`` is the first row.
    """
    rows: dict[str, list[ImageLabelRecord]] = {}
    for record in records:
        rows.setdefault(record.image, []).append(record)
    joined = []
    for image, same in rows.items():
        if len(same) > 1 and all(len(record.labels) == 1 and not record.unknown for record in same):
            names = ([name for record in same for name in getattr(record, key)] for key in ('labels', 'large', 'small'))
            labels, large, small = names
            same = [make_record(image, labels, (), same[0].source, large, small)]
        joined += same
    return joined
