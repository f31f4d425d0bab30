"""Class names and class ids; errors name the nearest known classes."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches

from mmwsl.annotations import ImageLabelRecord

from .classes import BACKGROUND

MAX_CLASSES = 255
"""Values of a mask, without the ignored one."""


def nearest_names(name: str, known: Collection[str]) -> str:
    """Return a sentence that names the known classes nearest to ``name``, or all of them if none is near."""
    lower = {candidate.lower(): candidate for candidate in known}
    near = [lower[match] for match in get_close_matches(name.lower(), list(lower), n=3)]
    return f'Did you mean {" or ".join(map(repr, near))}?' if near else f'Known classes: {", ".join(sorted(known))}.'


def check_classes(classes: Sequence[str] | None, known: Collection[str] | None = None) -> Sequence[str]:
    """Check the class names given as ``metainfo=dict(classes=...)``.

    Args:
        classes: The names, background first.
        known: Names the dataset can have, or None for any.

    Returns:
        The names.

    Raises:
        ValueError: If background is not first, a name is repeated or unknown, or there are more than 255 classes.
    """
    if not classes:
        raise ValueError(
            '`metainfo["classes"]` is missing. Set the class names, '
            f'{BACKGROUND!r} first, e.g. metainfo=dict(classes=({BACKGROUND!r}, "cat", "dog")).'
        )
    if classes[0] != BACKGROUND:
        raise ValueError(f'`metainfo["classes"]` must start with {BACKGROUND!r} (class 0), got {list(classes)}.')
    if len(classes) > MAX_CLASSES:
        raise ValueError(
            f'`metainfo["classes"]` must be at most {MAX_CLASSES} names with {BACKGROUND!r}, got {len(classes)}: masks '
            'have 8 bits, and 255 is ignored. Leave classes out, or train several networks.'
        )
    repeated = sorted({name for name in classes if list(classes).count(name) > 1})
    if repeated:
        raise ValueError(f'`metainfo["classes"]` must not repeat a name, got {repeated} several times.')
    for name in classes:
        if known is not None and name not in known:
            raise ValueError(f'`metainfo["classes"]` has the unknown class {name!r}. {nearest_names(name, known)}')
    return classes


def map_classes(old_classes: Sequence[str], new_classes: Sequence[str], ignored: int) -> dict[int, int] | None:
    """Map the indices in mask files to class ids; None if they are equal.

    Args:
        old_classes: Names of the indices.
        new_classes: Names of the ids.
        ignored: Id of the indices without one.

    Raises:
        ValueError: If a class has no index.
    """
    lacking = [name for name in new_classes if name not in old_classes]
    if lacking:
        raise ValueError(
            f'the mask files have no index for {lacking}: their indices are {list(old_classes)}. '
            'Correct `metainfo["classes"]` or `seg_map_classes`.'
        )
    if list(old_classes) == list(new_classes):
        return None
    ids = {name: index for index, name in enumerate(new_classes)}
    return {index: ids.get(name, ignored) for index, name in enumerate(old_classes)}


def encode(record: ImageLabelRecord, classes: Sequence[str], known: Collection[str]) -> tuple[list[int], list[int]]:
    """Convert the names of a record to ids.

    A known name that is not among ``classes`` is dropped. The name ``background`` may stand alone, for a background
    image.

    Args:
        record: Image-level labels by name.
        classes: Names by id, background first.
        known: Names that may occur.

    Returns:
        Sorted ids of the foreground classes present, and of the unknown ones.

    Raises:
        ValueError: If a name is not known, or ``background`` is combined with another class.
    """
    if BACKGROUND in record.labels and len(record.labels) > 1:
        raise ValueError(
            f'{record.source}: image {record.image!r} has the label {BACKGROUND!r} and others '
            f'({", ".join(record.labels)}). Label an image with its foreground classes, or with nothing.'
        )
    ids = {name: index for index, name in enumerate(classes) if index > 0}

    def encode_names(names: tuple[str, ...]) -> list[int]:
        for name in names:
            if name not in ids and name not in known and name != BACKGROUND:
                raise ValueError(
                    f'{record.source}: image {record.image!r} has the unknown class {name!r}. '
                    f'{nearest_names(name, known)} Correct the label, or add the class to '
                    '`metainfo["classes"]`; if one cell holds several names, set `separator`.'
                )
        return sorted(ids[name] for name in names if name in ids)

    return encode_names(record.labels), encode_names(record.unknown)
