"""Proposals: where in an image something could be, and how sure that is."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from ...functional.objectness import box_objectness, region_objectness, rle_objectness


@dataclass(frozen=True)
class RegionMasks:
    """Masks that are unions of superpixels.

    Attributes:
        superpixels: Superpixel of each pixel, ``(H, W)`` int in 0..R-1.
        members: Which superpixels belong to each mask, ``(n, R)`` bool.
    """

    superpixels: np.ndarray
    members: np.ndarray

    def __len__(self) -> int:
        return len(self.members)

    def __getitem__(self, index: int) -> np.ndarray:
        return self.members[index][self.superpixels]

    def objectness(self, scores: np.ndarray) -> np.ndarray:
        """Mean score of the masks over each pixel, ``(H, W)``."""
        return region_objectness(self.members, scores, self.superpixels)


@dataclass(frozen=True)
class RLEMasks:
    """Any masks, as runs of pixels counted down the columns; see :mod:`mmwsl.datasets.proposals.rle`.

    Attributes:
        runs: For each mask the ``(k, 2)`` int starts and stops of its runs.
        shape: Height and width of the image.
    """

    runs: list[np.ndarray]
    shape: tuple[int, int]

    def __len__(self) -> int:
        return len(self.runs)

    def __getitem__(self, index: int) -> np.ndarray:
        mask = np.zeros(self.shape[0] * self.shape[1], dtype=bool)
        for start, stop in self.runs[index]:
            mask[start:stop] = True
        return mask.reshape(self.shape[::-1]).T

    def objectness(self, scores: np.ndarray) -> np.ndarray:
        """Mean score of the masks over each pixel, ``(H, W)``."""
        return rle_objectness(self.runs, scores, self.shape)


@dataclass(frozen=True)
class Proposals:
    """The scored proposals of one image.

    Attributes:
        boxes: ``(n, 4)`` float, half open ``(x1, y1, x2, y2)`` in pixels of the image.
        scores: ``(n,)`` float, larger is more like an object. The range is the source's own.
        shape: Height and width of the image.
        masks: The same proposals as masks (``masks[i]`` is ``(H, W)`` bool), where the source knows them.
    """

    boxes: np.ndarray
    scores: np.ndarray
    shape: tuple[int, int]
    masks: RegionMasks | RLEMasks | None = None

    def objectness(self, kind: str, scores: np.ndarray) -> np.ndarray:
        """Objectness of the pixels, ``(H, W)`` float32, from the boxes or the masks.

        Args:
            kind: ``'box'`` or ``'mask'``.
            scores: The proposals' scores, brought to [0, 1].

        Raises:
            ValueError: ``kind`` is ``'mask'`` and the proposals have none.
        """
        if kind == 'box':
            return box_objectness(self.boxes, scores, self.shape)
        if self.masks is None:
            raise ValueError(
                "`kind='mask'` needs proposals with masks, and these have boxes only: take another "
                "source, or `kind='box'`"
            )
        return self.masks.objectness(scores)


class ProposalSource(ABC):
    """Where proposals come from: computed from the image, or read from disk."""

    @abstractmethod
    def __call__(self, image: np.ndarray, results: dict) -> Proposals:
        """Propose.

        Args:
            image: The image at its own size, ``(H, W, 3)`` uint8, BGR.
            results: What the pipeline knows about the image: ``img_path``, ``superpixels`` ...
        """
