"""From class names to class ids, with errors that help: the nearest names, the place, the remedy."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches

from mmwsl.annotations import ImageLabelRecord

from .classes import BACKGROUND


def nearest_names(name: str, known: Collection[str]) -> str:
    """A clause for error messages that names the known classes nearest to ``name``, or all if none is near."""
    lower = {candidate.lower(): candidate for candidate in known}
    near = [lower[match] for match in get_close_matches(name.lower(), list(lower), n=3)]
    return f'did you mean {" or ".join(map(repr, near))}?' if near else f'known classes: {", ".join(sorted(known))}.'


def check_classes(classes: Sequence[str] | None, known: Collection[str] | None = None) -> None:
    """Check a list of classes given as ``metainfo=dict(classes=...)``.

    Args:
        classes (Sequence[str], optional): The names, background first.
        known (Collection[str], optional): Names the dataset can have. Defaults to None, any.

    Raises:
        ValueError: Background is not first, a name is repeated, or a name is unknown.
    """
    if not classes:
        raise ValueError(
            '`metainfo["classes"]` is missing: give the class names, '
            f'{BACKGROUND!r} first, e.g. metainfo=dict(classes=({BACKGROUND!r}, "cat", "dog")).'
        )
    if classes[0] != BACKGROUND:
        raise ValueError(
            f'`metainfo["classes"]` must start with {BACKGROUND!r}, but got {list(classes)}. '
            'Background is class 0 everywhere in mmwsl.'
        )
    repeated = sorted({name for name in classes if list(classes).count(name) > 1})
    if repeated:
        raise ValueError(f'`metainfo["classes"]` repeats {repeated}. Name every class once.')
    for name in classes:
        if known is not None and name not in known:
            raise ValueError(f'`metainfo["classes"]` has the unknown class {name!r}: {nearest_names(name, known)}')


def encode(record: ImageLabelRecord, classes: Sequence[str], known: Collection[str]) -> tuple[list[int], list[int]]:
    """Turn the names of a record into ids.

    A known name that is not among ``classes`` is dropped. The name ``background`` may stand alone, for a background
    image.

    Args:
        record (ImageLabelRecord): Tags by name.
        classes (Sequence[str]): Names by id, background first.
        known (Collection[str]): Names that may occur.

    Returns:
        tuple[list[int], list[int]]: Sorted ids of the foreground classes present, and of those unknown.

    Raises:
        ValueError: A name is unknown, or ``background`` stands beside a class.
    """
    if BACKGROUND in record.labels and len(record.labels) > 1:
        raise ValueError(
            f'{record.source}: image {record.image!r} has the tag {BACKGROUND!r} beside others '
            f'({", ".join(record.labels)}). Tag an image with the classes in it, or with nothing.'
        )
    ids = {name: index for index, name in enumerate(classes) if index > 0}

    def encode_names(names: tuple[str, ...]) -> list[int]:
        for name in names:
            if name not in ids and name not in known and name != BACKGROUND:
                raise ValueError(
                    f'{record.source}: image {record.image!r} has the unknown class {name!r}: '
                    f'{nearest_names(name, known)} Correct the tag, or add the class to '
                    '`metainfo["classes"]`; if one cell holds several names, see `separator`.'
                )
        return sorted(ids[name] for name in names if name in ids)

    return encode_names(record.labels), encode_names(record.unknown)
