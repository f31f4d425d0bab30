"""Files of a folder found by the names that lists and tables give them."""

from collections.abc import Iterable, Sequence
from operator import eq
from unicodedata import normalize

import numpy as np

from .images import IMG_EXTENSIONS, stem
from .packed_strings import blocks_of, hash_strings


class FileIndex:
    """The images of a folder, to be found by their names.

    A name is a path of the listing, with or without its suffix, in any Unicode form: macOS may write ``ü`` as two
    characters, Windows as one. Unlike a dictionary, the index takes 12 bytes a file, and finds many names at once.

    Args:
        listing: Paths relative to the folder of images.
        suffixes: Suffixes of images in lower case.
    """

    def __init__(self, listing: Iterable[str], suffixes: tuple[str, ...] = IMG_EXTENSIONS) -> None:
        self.files = listing if isinstance(listing, list) else list(listing)
        self.suffixes = suffixes
        self._paths = _Hashes(map(_composed, self.files))
        self._stems: _Hashes | None = None  # most tables write the suffix

    def find(self, names: Sequence[str]) -> np.ndarray:
        """Find the file of each name.

        Returns:
            Its index in ``files``, int32; -1 for a name without a file.

        Raises:
            ValueError: If a name without suffix matches several files.
        """
        if not self.files:
            return np.full(len(names), -1, np.int32)
        parts = [self._find(block) for block in blocks_of(names)]
        return np.concatenate(parts) if parts else np.zeros(0, np.int32)

    def _find(self, names: list[str]) -> np.ndarray:
        keys = list(map(_composed, names))
        hashes = hash_strings(keys)
        found, _ = self._paths.find(hashes)
        some = found >= 0
        found[~_equal(names, map(self.files.__getitem__, found.tolist()))] = -1
        if len(left := np.flatnonzero(found < 0)):
            if self._stems is None:
                self._stems = _Hashes(map(self._stem, self.files))
            found[left], several = self._stems.find(hashes[left])
            doubtful = several | some[left]
            stems = map(self._stem, map(self.files.__getitem__, found[left].tolist()))
            doubtful |= ~_equal([keys[place] for place in left], stems) & (found[left] >= 0)
            for place in left[doubtful].tolist():
                found[place] = self._find_one(names[place], keys[place], hashes[place])
        return found

    def _stem(self, file: str) -> str:
        return _composed(stem(file, self.suffixes))

    def _find_one(self, name: str, key: str, hashed: int) -> int:
        assert self._stems is not None
        by_path = [place for place in self._paths.run(hashed) if _composed(self.files[place]) == key]
        exact = [place for place in by_path if self.files[place] == name]
        if exact:
            return min(exact)
        by_stem = (place for place in self._stems.run(hashed) if self._stem(self.files[place]) == key)
        candidates = {self.files[place]: place for place in (*by_path, *by_stem)}
        if len(candidates) > 1:
            raise ValueError(
                f'image {name!r} matches several files: {", ".join(sorted(candidates))}. '
                'Write the suffix in the list or table.'
            )
        return next(iter(candidates.values()), -1)


def locate(names: Iterable[str], listing: Iterable[str], suffixes: tuple[str, ...] = IMG_EXTENSIONS) -> dict[str, str]:
    """Find the file of each name, see :class:`FileIndex`.

    Args:
        names: Names as lists and tables write them.
        listing: Paths relative to the folder of images.
        suffixes: Suffixes of images in lower case.

    Returns:
        Name to path; a name without a file has no entry.

    Raises:
        ValueError: If a name without suffix matches several files.
    """
    index, names = FileIndex(listing, suffixes), list(names)
    return {
        name: index.files[place] for name, place in zip(names, index.find(names).tolist(), strict=True) if place >= 0
    }


def _equal(first: list[str], second: Iterable[str]) -> np.ndarray:
    return np.fromiter(map(eq, first, second), bool, len(first))


class _Hashes:
    """Sorted hashes of strings, and the places of the strings."""

    def __init__(self, strings: Iterable[str]) -> None:
        hashes = hash_strings(strings)
        self._order = np.argsort(hashes).astype(np.int32)
        self._sorted = hashes[self._order]

    def find(self, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the place of a string with each hash, -1 for none, and whether there are several."""
        count = len(self._sorted)
        order = np.argsort(hashes)  # neighbors are looked up one after the other, which is fast in memory
        left = np.empty(len(hashes), np.int64)
        left[order] = np.searchsorted(self._sorted, hashes[order])
        first, second = (np.minimum(left + shift, count - 1) for shift in (0, 1))
        found = np.where(self._sorted[first] == hashes, self._order[first], -1)
        return found, (left + 1 < count) & (self._sorted[second] == hashes)

    def run(self, hashed: int) -> list[int]:
        """Return the places of all strings with a hash."""
        left, right = (np.searchsorted(self._sorted, hashed, side) for side in ('left', 'right'))
        places: list[int] = self._order[left:right].tolist()
        return places


def _composed(name: str) -> str:
    """Return the composed Unicode form, in which equal names are equal strings."""
    return name if name.isascii() else normalize('NFC', name)
