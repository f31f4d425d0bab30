"""Sequences whose items are made when they are read."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar, overload

Item = TypeVar('Item')


class LazySequence(Sequence[Item], Generic[Item]):
    """Sequence that makes an item when it is read; a slice is a list of items."""

    @abstractmethod
    def item(self, index: int) -> Item:
        """Make an item; the index is not negative."""

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...

    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        """Return an item, or the items of a slice."""
        if isinstance(index, slice):
            return [self.item(place) for place in range(*index.indices(len(self)))]
        return self.item(range(len(self))[index])
