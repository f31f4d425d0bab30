"""Search for one background threshold per class."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...registry import METRICS
from ...utils.files import write_json
from .base import log_table
from .threshold_iou_metric import ThresholdIoUMetric, argmax_counts, check_labeled


def search_class_thresholds(counts: np.ndarray) -> tuple[list[int], np.ndarray]:
    """Search for the thresholds per class that maximize the mean IoU over classes.

    Coordinate ascent from the best common threshold. The thresholds interact only through the background, so a few
    rounds converge. The result is at least as good as any common threshold.

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

    best = max((np.full(classes - 1, step) for step in range(steps)), key=mean_iou)
    while True:
        before = mean_iou(best)
        for k in rows:
            best = max((np.where(rows == k, step, best) for step in (best[k], *range(steps))), key=mean_iou)
        if not mean_iou(best) > before:
            return best.tolist(), ious(best)


@METRICS.register_module()
class ClassThresholdSearch(ThresholdIoUMetric):
    """Metric that searches the class thresholds of Pinheiro & Collobert on ``pred_scores``.

    :class:`mmwsl.inference.postprocessors.ClassThresholds` applies them. They are tuned on the evaluated masks, so
    ``oracle_mIoU_class_thresholds`` is an oracle. To report a result, search on one set and evaluate on another.

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
