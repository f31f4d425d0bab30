"""Image-level labels of millions of images, stored by columns."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

import numpy as np

from mmwsl.utils.lazy_sequence import LazySequence

from .record import ImageLabelRecord


@dataclass(frozen=True, eq=False)
class LabelTable(LazySequence[ImageLabelRecord]):
    """Records of images, made when they are read.

    Unlike a list of records, it stores the labels of all images with equal labels once.

    Attributes:
        images: Name of each image.
        sources: Where each row was read.
        codes: Index in ``kinds`` of each row, int32.
        kinds: A record with each combination of labels: its names count, not its image.
    """

    images: Sequence[str]
    sources: Sequence[str]
    codes: np.ndarray
    kinds: list[ImageLabelRecord]

    @classmethod
    def of(cls, records: Sequence[ImageLabelRecord]) -> 'LabelTable':
        """Return a table of records, which may be one already."""
        if isinstance(records, LabelTable):
            return records
        numbering = Numbering()
        codes, first = numbering.number(map(attrgetter('labels', 'unknown', 'large', 'small'), records), len(records))
        images, sources = ([getattr(record, name) for record in records] for name in ('image', 'source'))
        return cls(images, sources, codes, [records[place] for place in first])

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.codes)

    def item(self, index: int) -> ImageLabelRecord:
        """Return a record; iterate to read all of them."""
        return replace(self.kinds[self.codes[index]], image=self.images[index], source=self.sources[index])

    def __iter__(self) -> Iterator[ImageLabelRecord]:
        """Yield the records."""
        for image, source, code in zip(self.images, self.sources, self.codes, strict=True):
            yield replace(self.kinds[code], image=image, source=source)


class Lines(LazySequence[str]):
    """Places of the rows of a table, such as ``file:line``.

    Args:
        prefix: The text before the number, such as ``file:``.
        numbers: Numbers of the lines or entries.
    """

    def __init__(self, prefix: str, numbers: np.ndarray) -> None:
        self._prefix, self._numbers = prefix, numbers

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._numbers)

    def item(self, index: int) -> str:
        """Return the place of a row."""
        return f'{self._prefix}{self._numbers[index]}'


class Numbering(dict[Hashable, int]):
    """Numbers of different values, in the order in which they occur first."""

    def __missing__(self, value: Hashable) -> int:
        """Number a new value."""
        self[value] = number = len(self)
        return number

    def number(self, values: Iterable[Hashable], count: int) -> tuple[np.ndarray, list[int]]:
        """Return the numbers of values, int32, and the places of those that are new."""
        known = len(self)
        numbers = np.fromiter(map(self.__getitem__, values), np.int32, count)
        if len(self) == known:
            return numbers, []
        found, places = np.unique(numbers, return_index=True)
        return numbers, places[found >= known].tolist()
