"""Millions of strings in few objects."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from .lazy_sequence import LazySequence

BLOCK = 1 << 14
"""Strings that are handled at a time, so that few of them are objects at once."""


class PackedStrings(LazySequence[str]):
    """Strings stored as UTF-8, a byte more than their text each.

    Unlike a list, it makes the objects when they are read, a block at a time: it is for reading from first to last.
    """

    def __init__(self) -> None:
        self._blocks: list[bytes | list[str]] = []
        self._starts = [0]

    def append_block(self, strings: list[str]) -> None:
        """Add one or more strings."""
        text = '\n'.join(strings)
        separable = text.count('\n') == len(strings) - 1
        self._blocks.append(text.encode(errors='surrogatepass') if separable else strings)
        self._starts.append(self._starts[-1] + len(strings))

    def __len__(self) -> int:
        """Return the number of strings."""
        return self._starts[-1]

    def item(self, index: int) -> str:
        """Return a string. This reads its block."""
        block = bisect_right(self._starts, index) - 1
        return _unpack(self._blocks[block])[index - self._starts[block]]

    def __iter__(self) -> Iterator[str]:
        """Yield the strings."""
        for block in self.blocks():
            yield from block

    def blocks(self) -> Iterator[list[str]]:
        """Yield the strings, some at a time."""
        yield from map(_unpack, self._blocks)


def _unpack(block: bytes | list[str]) -> list[str]:
    return block if isinstance(block, list) else block.decode(errors='surrogatepass').split('\n')


def blocks_of(strings: Sequence[str]) -> Iterator[list[str]]:
    """Yield strings, some at a time."""
    if isinstance(strings, PackedStrings):
        yield from strings.blocks()
    else:
        for start in range(0, len(strings), BLOCK):
            yield list(strings[start : start + BLOCK])


def hash_strings(strings: Iterable[str]) -> np.ndarray:
    """Return the hash of each string, int64; it differs between processes."""
    return np.fromiter(map(hash, strings), np.int64)


def repeated_strings(strings: Callable[[], Iterable[str]]) -> set[str]:
    """Return the strings that occur more than once; 8 bytes are stored of each other one.

    Args:
        strings: Function that returns an iterator over the strings. It is called again if two have one hash.
    """
    hashes = np.sort(hash_strings(strings()))
    suspects = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
    seen: set[str] = set()
    repeated: set[str] = set()
    for string in strings() if suspects else ():
        if hash(string) in suspects:
            (repeated if string in seen else seen).add(string)
    return repeated
