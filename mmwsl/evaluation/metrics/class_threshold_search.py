"""Search for one background threshold per class."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...registry import METRICS
from ...utils.console import log_warning
from ...utils.files import write_json
from ...utils.text import first_five
from .base import log_table
from .threshold_iou_metric import ThresholdIoUMetric, argmax_counts, check_labeled

SLOPES, ASCENTS = 16, 5
"""Values of b and of the IoU in the grid, and starts of the ascent."""


def search_class_thresholds(counts: np.ndarray) -> tuple[list[int], np.ndarray]:
    r"""Search for the thresholds per class that maximize the mean IoU over classes.

    The thresholds interact only through the IoU of the background,

    .. math:: \frac{n_0 - \sum_k F_k(t_k)}{N - \sum_k G_k(t_k)}

    with N pixels, :math:`n_0` of them background, and the pixels that are predicted as class k: :math:`F_k` of the
    background and :math:`G_k` others. Its slopes in the two sums are :math:`-1/b` and :math:`\rho/b`, for the
    denominator b and the IoU :math:`\rho`; with fixed slopes every class has an optimum of its own. These optima for a
    grid of :math:`(b, \rho)`, and the common thresholds, are the starts of a coordinate ascent.

    The result is at least as good as any common threshold, but not always the optimum. Of 30 000 random problems of 2
    or 3 classes and 14 thresholds, 3 ended below the exhaustive optimum, by 0.05 points of mIoU at most
    (``benchmarks/threshold_search.py`` with ``--first`` 0 and 1000000).

    Args:
        counts: Sum of :func:`argmax_counts` over all images, ``(K - 1, T + 1, K)``.

    Returns:
        The index of each foreground class's threshold in the grid, and the IoU of each class including background,
        ``(K,)``; NaN for classes without a pixel.

    Raises:
        ValueError: If there is no pixel.
    """
    check_labeled(counts)
    steps, classes = counts.shape[1] - 1, counts.shape[2]
    # Pixels of class k at threshold t, by ground-truth class: their score exceeds more than t thresholds.
    exceeding = counts[:, ::-1].cumsum(1)[:, ::-1][:, 1:]  # (K - 1, T, K)
    pixels = counts.sum((0, 1))
    rows = np.arange(classes - 1)

    def ious(indices: np.ndarray) -> np.ndarray:
        confusion = np.empty((classes, classes))  # predicted class, ground-truth class
        confusion[1:] = exceeding[rows, indices]
        confusion[0] = pixels - confusion[1:].sum(0)
        hits = confusion.diagonal()
        with np.errstate(invalid='ignore'):
            return hits / (confusion.sum(1) + pixels - hits)

    def mean_iou(indices: np.ndarray) -> float:
        return float(np.nanmean(ious(indices)))

    def ascend(best: np.ndarray) -> np.ndarray:
        while True:
            before = mean_iou(best)
            for k in rows:
                best = max((np.where(rows == k, step, best) for step in (best[k], *range(steps))), key=mean_iou)
            if not mean_iou(best) > before:
                return best

    starts = np.unique(
        np.concatenate([_separate_optima(exceeding, pixels), np.arange(steps)[:, None] + 0 * rows]), axis=0
    )
    best = max(map(ascend, sorted(starts, key=mean_iou)[-ASCENTS:]), key=mean_iou)
    return best.tolist(), ious(best)


def _separate_optima(exceeding: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return the thresholds that are optimal for a linear background IoU, for a grid of its slopes, ``(n, K - 1)``."""
    hits = np.moveaxis(exceeding[:, :, 1:].diagonal(0, 0, 2), -1, 0)  # (K - 1, T)
    predicted, false = exceeding.sum(2), exceeding[:, :, 0]
    with np.errstate(invalid='ignore'):
        own = np.nan_to_num(hits / (predicted + pixels[1:, None] - hits))
    other = predicted - false
    smallest = max(pixels.sum() - other.max(1).sum(), 1)
    return np.array(
        [
            (own + (ratio * other - false) / size).argmax(1)
            for size in np.linspace(smallest, pixels.sum(), SLOPES)
            for ratio in np.linspace(0, 1, SLOPES)
        ]
    )


@METRICS.register_module()
class ClassThresholdSearch(ThresholdIoUMetric):
    """Metric that searches the class thresholds of Pinheiro & Collobert on ``pred_scores``.

    :class:`mmwsl.inference.postprocessors.ClassThresholds` applies them. They are tuned on the evaluated masks, so
    ``oracle_mIoU_class_thresholds`` is an oracle. To report a result, search on one set and evaluate on another.

    A class without a pixel gets the median of the other thresholds, and a warning names it. Masks without a pixel of
    any class are an error.

    Args:
        tuned_on: Name of the masks, such as ``'masks of voc6 train'``.
        out_file: JSON file for the thresholds, for ``ClassThresholds(thresholds=out_file)``. None writes no file.
        **kwargs: Passed to :class:`ThresholdIoUMetric`.
    """

    def __init__(self, tuned_on: str, out_file: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tuned_on = tuned_on
        self.out_file = out_file

    def count(self, foreground: Tensor, ground_truth: Tensor, thresholds: Tensor) -> Tensor:
        """Return the non-zero entries of :func:`argmax_counts` for one image: flat indices and counts, ``(2, n)``."""
        counts = argmax_counts(foreground, ground_truth, thresholds).flatten()
        indices = counts.nonzero().squeeze(1)
        return torch.stack([indices, counts[indices]])

    def compute_metrics(self, results: list[np.ndarray]) -> dict[str, float]:
        """Search, log and write the thresholds, and return the mean IoU."""
        names = self.dataset_meta['classes']
        shape = (len(names) - 1, len(self.thresholds) + 1, len(names))
        indices, counts = np.concatenate(results, axis=1)
        total = np.bincount(indices, weights=counts, minlength=int(np.prod(shape))).astype(np.int64)
        chosen, ious = search_class_thresholds(total.reshape(shape))
        thresholds = [float(self.thresholds[step]) for step in chosen]
        found = total.reshape(shape).sum((0, 1))[1:] > 0
        if not found.any():
            raise ValueError(f'{self.tuned_on}: no pixel of any class to tune on. Tune on images of every class.')
        if absent := [name for name, here in zip(names[1:], found, strict=True) if not here]:
            # The best threshold of such a class would be the highest: it would never be predicted.
            middle = float(np.median(np.array(thresholds)[found]))
            thresholds = [value if here else middle for value, here in zip(thresholds, found, strict=True)]
            log_warning(
                f'{self.tuned_on}: no pixel of {first_five(absent)}. Their thresholds are the median of the other '
                f'classes, {middle:.5g}, which was not tuned. Tune on images of every class.',
            )
        miou = round(100 * float(np.nanmean(ious)), 2)
        cells = ['', *(f'{threshold:.5g}' for threshold in thresholds)]
        log_table(
            f'thresholds per class, tuned on {self.tuned_on}',
            ['Class', 'Threshold', 'IoU'],
            ((name, cell, f'{100 * iou:.2f}') for name, cell, iou in zip(names, cells, ious, strict=True)),
        )
        if self.out_file:
            content = dict(thresholds=thresholds, tuned_on=self.tuned_on, mIoU=miou, classes=list(names))
            write_json(self.out_file, content)
        return dict(oracle_mIoU_class_thresholds=miou)
