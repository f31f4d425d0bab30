"""Data infos of millions of images: stored as short rows of bytes, made when they are read."""

import os.path as osp
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import add
from typing import overload

import numpy as np

from mmwsl.utils.images import stem
from mmwsl.utils.packed_strings import BLOCK

LABEL_KEYS = ('img_label', 'unknown_label', 'large_label', 'small_label')
Labels = Sequence[Sequence[int]]
"""Class ids of the first 0, 2 or 4 of :data:`LABEL_KEYS`."""


@dataclass(frozen=True)
class InfoFormat:
    """What the data infos of a dataset have in common.

    A row is the number of lists of labels, each list with its length before it, the path of the image, and, if the mask
    has another name than the image, a zero and the path of the mask.

    Attributes:
        image_folder: Folder of the images.
        mask_folder: Folder of the masks; None without masks.
        mask_suffix: Suffix of the masks.
        suffixes: Suffixes of the images in lower case.
        num_classes: Number of classes.
        label_map: Class ids of the indices in the masks; None if they are equal.
        reduce_zero_label: See :class:`mmseg.datasets.BaseSegDataset`.
    """

    image_folder: str
    mask_folder: str | None
    mask_suffix: str
    suffixes: tuple[str, ...]
    num_classes: int
    label_map: dict[int, int] | None
    reduce_zero_label: bool

    def decode(self, row: bytes) -> dict:
        """Return a data info."""
        labels, place = {}, 1
        for key in LABEL_KEYS[: row[0]]:
            end = place + 1 + row[place]
            labels[key] = list(row[place + 1 : end])
            place = end
        image, _, mask = row[place:].decode().partition('\0')
        info = dict(
            img_path=osp.join(self.image_folder, image),
            num_classes=self.num_classes,
            label_map=None if self.label_map is None else dict(self.label_map),
            reduce_zero_label=self.reduce_zero_label,
            seg_fields=[],
        )
        if self.mask_folder is not None:
            mask = mask or self.mask_of(image)
            info['seg_map_path'] = osp.join(self.mask_folder, mask)
        return info | labels

    def mask_of(self, image: str) -> str:
        """Return the usual name of the mask of an image."""
        return stem(image, self.suffixes) + self.mask_suffix


def encode_labels(labels: Labels) -> bytes:
    """Return the first part of a row, see :class:`InfoFormat`."""
    return bytes([len(labels)]) + b''.join(bytes([len(ids), *ids]) for ids in labels)


class PackedInfos(Sequence[dict]):
    """Data infos in two arrays, which the processes of a data loader share.

    Args:
        rows: The rows of :class:`InfoFormat`, one after the other, ``(M,)`` uint8.
        ends: End of each, ``(N,)`` int64.
        form: What they have in common.
    """

    def __init__(self, rows: np.ndarray, ends: np.ndarray, form: InfoFormat) -> None:
        self.rows, self.ends, self.form = rows, ends, form

    @classmethod
    def pack(
        cls,
        form: InfoFormat,
        files: Sequence[str],
        places: np.ndarray,
        labels: Sequence[bytes],
        codes: np.ndarray,
        masks: Callable[[str], str | None],
    ) -> 'PackedInfos':
        """Pack images.

        Args:
            form: What they have in common.
            files: Paths of files.
            places: Index in ``files`` of each image.
            labels: Combinations of labels, of :func:`encode_labels`.
            codes: Index in ``labels`` of each image.
            masks: Returns the name of the mask of an image, if it is not the usual one.
        """

        def encode(file: str) -> bytes:
            mask = masks(file)
            return (file if mask is None else f'{file}\0{mask}').encode()

        def blocks() -> Iterator[list[bytes]]:
            for start in range(0, len(places), BLOCK):
                block = slice(start, start + BLOCK)
                names = map(files.__getitem__, places[block].tolist())
                encoded = map(str.encode, names) if form.mask_folder is None else map(encode, names)
                yield list(map(add, map(labels.__getitem__, codes[block].tolist()), encoded))

        return cls._join(blocks(), form)

    @classmethod
    def _join(cls, blocks: Iterable[list[bytes]], form: InfoFormat) -> 'PackedInfos':
        rows, lengths = bytearray(), [np.zeros(0, np.int64)]
        for block in blocks:
            rows += b''.join(block)
            lengths.append(np.fromiter(map(len, block), np.int64, len(block)))
        return cls(np.frombuffer(rows, np.uint8), np.cumsum(np.concatenate(lengths)), form)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.ends)

    @overload
    def __getitem__(self, index: int) -> dict: ...

    @overload
    def __getitem__(self, index: slice) -> 'PackedInfos': ...

    def __getitem__(self, index: int | slice) -> 'dict | PackedInfos':
        """Return a data info, or a part of them."""
        if isinstance(index, slice):
            return self.take(range(*index.indices(len(self))))
        return self.form.decode(row_of(self.rows, self.ends, range(len(self))[index]))

    def take(self, indices: Sequence[int] | np.ndarray) -> 'PackedInfos':
        """Return the data infos with some indices, which may be negative."""
        chosen = range(len(self))
        blocks = (
            [row_of(self.rows, self.ends, chosen[index]) for index in indices[start : start + BLOCK]]
            for start in range(0, len(indices), BLOCK)
        )
        return self._join(blocks, self.form)


def row_of(rows: np.ndarray, ends: np.ndarray, index: int) -> bytes:
    """Return a row of arrays as :class:`PackedInfos` has them."""
    start = ends[index - 1] if index else 0
    return rows[start : ends[index]].tobytes()


def choose(infos: Sequence[dict], indices: np.ndarray) -> Sequence[dict]:
    """Return the data infos with some indices, packed if they were."""
    return infos.take(indices) if isinstance(infos, PackedInfos) else [infos[index] for index in indices.tolist()]
