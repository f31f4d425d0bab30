"""Scored proposals of an image, and the interface of their sources."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from mmwsl.functional.objectness import box_objectness, region_objectness, rle_objectness
from mmwsl.functional.region_vote import masks_to_superpixels
from mmwsl.utils.lazy_sequence import LazySequence


@dataclass(frozen=True)
class RegionMasks:
    """Masks that are unions of superpixels.

    Attributes:
        superpixels: Superpixel of each pixel, ``(H, W)`` int in 0..R-1.
        members: Superpixels of each mask, ``(n, R)`` bool.
    """

    superpixels: np.ndarray
    members: np.ndarray

    def __len__(self) -> int:
        return len(self.members)

    def __getitem__(self, index: int) -> np.ndarray:
        return self.members[index][self.superpixels]

    def objectness(self, scores: np.ndarray) -> np.ndarray:
        """Return the mean score of the masks that cover each pixel, ``(H, W)``."""
        return region_objectness(self.members, scores, self.superpixels)

    def regions(self) -> 'RegionMasks':
        """Return the masks themselves, which are unions of superpixels."""
        return self

    def partition(self) -> np.ndarray:
        """Return the number of the largest mask at each pixel, the last of equal ones, or -1, int64 ``(H, W)``."""
        areas = self.members @ np.bincount(self.superpixels.ravel(), minlength=self.members.shape[1])
        owner = np.full(self.members.shape[1], -1, np.int64)
        for index in np.argsort(areas, kind='stable'):
            owner[self.members[index]] = index
        return owner[self.superpixels]


@dataclass(frozen=True)
class RLEMasks(LazySequence[np.ndarray]):
    """Arbitrary masks, as runs of pixels counted down the columns; see :mod:`mmwsl.annotations.rle`.

    Attributes:
        runs: For each mask the starts and stops of its runs, ``(k, 2)`` int.
        shape: Height and width of the image.
    """

    runs: list[np.ndarray]
    shape: tuple[int, int]

    def __len__(self) -> int:
        return len(self.runs)

    def item(self, index: int) -> np.ndarray:
        """Decode a mask, ``(H, W)`` bool."""
        mask = np.zeros(self.shape[0] * self.shape[1], dtype=bool)
        for start, stop in self.runs[index]:
            mask[start:stop] = True
        return mask.reshape(self.shape[::-1]).T

    def objectness(self, scores: np.ndarray) -> np.ndarray:
        """Return the mean score of the masks that cover each pixel, ``(H, W)``."""
        return rle_objectness(self.runs, scores, self.shape)

    def regions(self) -> RegionMasks:
        """Return the same masks as unions of superpixels."""
        return RegionMasks(*masks_to_superpixels(self))


@dataclass(frozen=True)
class Proposals:
    """Scored proposals of one image.

    Attributes:
        boxes: Half open ``(x1, y1, x2, y2)`` in pixels of the image, ``(n, 4)`` float.
        scores: Larger is more like an object, ``(n,)`` float. The range depends on the source.
        shape: Height and width of the image.
        masks: The same proposals as masks (``masks[i]`` is ``(H, W)`` bool), or None if the source has none.
    """

    boxes: np.ndarray
    scores: np.ndarray
    shape: tuple[int, int]
    masks: RegionMasks | RLEMasks | None = None

    def regions(self) -> RegionMasks:
        """Return the masks as unions of superpixels.

        Raises:
            ValueError: If the proposals have none.
        """
        if self.masks is None:
            raise ValueError('A region needs proposals with masks, got boxes only. Use another source of proposals.')
        return self.masks.regions()

    def objectness(self, kind: str, scores: np.ndarray) -> np.ndarray:
        """Return the objectness of the pixels from the boxes or the masks, ``(H, W)`` float32.

        Args:
            kind: ``'box'`` or ``'mask'``.
            scores: Scores of the proposals, normalized to [0, 1].

        Raises:
            ValueError: If ``kind`` is ``'mask'`` and the proposals have none.
        """
        if kind == 'box':
            return box_objectness(self.boxes, scores, self.shape)
        if self.masks is None:
            raise ValueError(
                "`kind='mask'` needs proposals with masks, got boxes only. Use another source, or `kind='box'`."
            )
        return self.masks.objectness(scores)


class ProposalSource(ABC):
    """Interface of the sources of proposals, computed from the image or read from disk."""

    @abstractmethod
    def __call__(self, image: np.ndarray, results: dict) -> Proposals:
        """Return the proposals of an image.

        Args:
            image: The image at its original size, ``(H, W, 3)`` uint8, BGR.
            results: The other keys of the pipeline: ``img_path``, ``superpixels`` ...
        """
