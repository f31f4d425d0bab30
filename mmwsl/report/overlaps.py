r"""IoU of the masks by any thresholds, exact, from counts of pixels.

A pixel has the class k of its highest foreground score where its code reaches the limit :math:`l_k` of k, else
background. With the pixels of class k and code c, counted as :math:`H_k(c)` in the ground truth of k, :math:`B_k(c)` in
the ground truth of background, and :math:`A_k(c)` in any, the intersections I and predicted pixels P are

.. math:: I_k = \sum_{c \ge l_k} H_k(c), \quad P_k = \sum_{c \ge l_k} A_k(c), \quad
    I_0 = G_0 - \sum_k \sum_{c \ge l_k} B_k(c), \quad P_0 = N - \sum_k P_k

and the IoU is :math:`I / (P + G - I)`, with the ground-truth pixels G of each class and all pixels N. Pixels that the
ground truth ignores are left out everywhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .maps import IGNORE_INDEX, nearest


def count_overlaps(codes: np.ndarray, ground_truth: np.ndarray) -> dict[str, Any]:
    """Count the pixels of an image for :class:`Overlaps`.

    Args:
        codes: Codes ``(K, H, W)`` uint8, see :mod:`mmwsl.functional.quantization`; channel 0 is not used.
        ground_truth: Mask ``(h, w)`` uint8. If its size is another, the nearest pixel is taken.

    Returns:
        ``areas``: pixels of the ground truth by class, 255 left out. ``codes``: the three histograms H, B and A of 256
        bins by class, for the classes with a pixel whose code is above 0.
    """
    ground_truth = nearest(ground_truth, *codes.shape[1:])
    valid = ground_truth != IGNORE_INDEX
    truth = ground_truth[valid].astype(np.int64)
    foreground = codes[1:, valid]
    winner, top = 1 + foreground.argmax(0), foreground.max(0)
    histograms = {}
    for k in np.unique(winner[top > 0]):
        parts = (truth == k, truth == 0, True)
        counts = np.stack([np.bincount(top[(winner == k) & part], minlength=256) for part in parts])
        histograms[int(k)] = counts.tolist()
    areas = np.bincount(truth, minlength=1)
    return dict(areas={int(k): int(areas[k]) for k in np.flatnonzero(areas)}, codes=histograms)


@dataclass(frozen=True)
class Overlaps:
    """Counts of the pixels of a set of images.

    Attributes:
        tails: Sums of H, B and A over the codes of at least c, ``(3, K - 1, 257)``.
        areas: Pixels of the ground truth of each class, ``(K,)``.
        pixels: Number of all pixels, those of classes beyond K included.
    """

    tails: np.ndarray
    areas: np.ndarray
    pixels: int

    def ious(self, limits: Sequence[int]) -> np.ndarray:
        """Return the IoU of each class, ``(K,)``, in [0, 1].

        Args:
            limits: Smallest code that is foreground, of each of the K - 1 foreground classes, from 1 to 256, see
                :func:`mmwsl.functional.quantize_threshold`.

        Returns:
            The IoU; NaN for a class in neither the masks nor the ground truth.
        """
        hits, missed, predicted = self.tails[:, np.arange(len(self.areas) - 1), limits]
        hits = np.append(self.areas[0] - missed.sum(), hits)
        predicted = np.append(self.pixels - predicted.sum(), predicted)
        union = predicted + self.areas - hits
        return np.divide(hits, union, out=np.full(len(union), np.nan), where=union > 0)

    def mean_iou(self, limits: Sequence[int]) -> float:
        """Return the mean of :meth:`ious` over the classes in the masks or the ground truth."""
        return float(np.nanmean(self.ious(limits)))


def sum_overlaps(counts: Iterable[Mapping[str, Any]], num_classes: int) -> Overlaps:
    """Sum the results of :func:`count_overlaps` of several images; ``num_classes`` is K."""
    histograms = np.zeros((3, num_classes - 1, 257), np.int64)
    areas, pixels = np.zeros(num_classes, np.int64), 0
    for image in counts:
        for k, histogram in image['codes'].items():
            histograms[:, k - 1, :256] += histogram
        for k, area in image['areas'].items():
            pixels += area
            if k < num_classes:
                areas[k] += area
    return Overlaps(histograms[..., ::-1].cumsum(-1)[..., ::-1], areas, pixels)
