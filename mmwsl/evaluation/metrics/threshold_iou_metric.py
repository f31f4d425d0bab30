"""IoU as a function of the background threshold."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...registry import METRICS
from ...utils.sample_fields import LOAD_ANNOTATIONS, WEAK_SEGMENTOR
from .base import PerImageMetric, log_table


def argmax_counts(foreground: Tensor, ground_truth: Tensor, thresholds: Tensor) -> Tensor:
    """Count the pixels by highest-scoring class, by number of thresholds below its score, and by ground truth.

    Args:
        foreground: Scores of the foreground classes, ``(K - 1, H, W)``.
        ground_truth: Mask with classes 0 to K - 1, ``(H, W)``; other values are ignored.
        thresholds: Ascending, ``(T,)``.

    Returns:
        Counts ``(K - 1, T + 1, K)``.
    """
    shape = (len(foreground), len(thresholds) + 1, len(foreground) + 1)
    score, label = foreground.max(0)
    index = (label * shape[1] + torch.searchsorted(thresholds, score)) * shape[2] + ground_truth
    counted = (ground_truth >= 0) & (ground_truth < shape[2])
    return index[counted].bincount(minlength=shape[0] * shape[1] * shape[2]).view(shape)


def threshold_confusion(foreground: Tensor, ground_truth: Tensor, thresholds: Tensor) -> Tensor:
    """Compute one confusion matrix per background threshold.

    A pixel gets its highest-scoring foreground class if the score exceeds the threshold, otherwise background.

    Args:
        foreground: See :func:`argmax_counts`.
        ground_truth: See :func:`argmax_counts`.
        thresholds: See :func:`argmax_counts`.

    Returns:
        Counts ``(T, K, K)``: threshold, ground-truth class, predicted class.
    """
    counts = argmax_counts(foreground, ground_truth, thresholds)
    # Pixels that are predicted as a foreground class: their score exceeds more than t thresholds.
    exceeding = counts.flip(1).cumsum(1).flip(1)[:, 1:].permute(1, 2, 0)  # (T, K, K - 1)
    background = counts.sum((0, 1)) - exceeding.sum(2)  # (T, K)
    return torch.cat([background[:, :, None], exceeding], dim=2)


def check_labeled(counts: np.ndarray) -> None:
    """Raise ValueError if counts of pixels are all zero."""
    if not counts.any():
        raise ValueError(
            'The ground-truth masks must contain pixels of the classes, got none. Check `seg_map_path` and the classes '
            'of the dataset.'
        )


@METRICS.register_module()
class ThresholdIoUMetric(PerImageMetric):
    """Mean IoU of ``pred_scores`` over a range of background thresholds.

    The best threshold is selected on the evaluated masks, so ``oracle_mIoU`` and ``oracle_threshold`` are oracles. On
    a validation set, ``oracle_threshold`` selects the ``threshold`` of :class:`mmwsl.models.ConstantBackground`.

    Args:
        thresholds: Ascending thresholds of the highest foreground score, in [0, 1]. The default is evenly spaced in
            log-odds, from 0.00005 to 0.99995 in steps of 0.5: the level of the scores depends on the aggregator.
        **kwargs: Passed to :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        KeyError: In evaluation, if a data sample lacks a field.
        ValueError: If ``thresholds`` is not ascending in [0, 1]; in evaluation, if a mask differs in size from the
            scores or no mask has a labeled pixel.
    """

    required_fields = dict(pred_scores=WEAK_SEGMENTOR, gt_sem_seg=LOAD_ANNOTATIONS)

    def __init__(self, thresholds: Sequence[float] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if thresholds is None:
            thresholds = (torch.arange(-20, 21) / 2).sigmoid().tolist()
        self.thresholds = torch.tensor(thresholds)
        ascending = self.thresholds.ndim == 1 and len(self.thresholds) and (self.thresholds.diff() > 0).all()
        if not ascending or not 0 <= self.thresholds[0] <= self.thresholds[-1] <= 1:
            raise ValueError(
                f'{type(self).__name__}: `thresholds` must be an ascending list of numbers in [0, 1], got '
                f'{thresholds!r}. Sort it and remove repeated values.'
            )

    def process_sample(self, sample: dict[str, Any]) -> np.ndarray:
        """Return the counts of one image, see :meth:`count`."""
        foreground = sample['pred_scores']['data'][1:]
        ground_truth = self.ground_truth(sample, 'pred_scores').to(foreground.device)
        return self.count(foreground, ground_truth, self.thresholds.to(foreground)).cpu().numpy()

    def count(self, foreground: Tensor, ground_truth: Tensor, thresholds: Tensor) -> Tensor:
        """Return intersection and union of each class at every threshold, ``(2, T, K)``."""
        confusion = threshold_confusion(foreground, ground_truth, thresholds)
        hits = confusion.diagonal(0, 1, 2)
        return torch.stack([hits, confusion.sum(1) + confusion.sum(2) - hits])

    def compute_metrics(self, results: list[np.ndarray]) -> dict[str, float]:
        """Log the mean IoU at every threshold and return the best one."""
        hits, union = np.sum(results, axis=0)  # (T, K)
        check_labeled(union)
        with np.errstate(invalid='ignore'):
            curve = 100 * np.nanmean(hits / union, axis=1)
        log_table(
            'mIoU by background threshold',
            ['Threshold', 'mIoU'],
            ((f'{threshold:.5g}', f'{miou:.2f}') for threshold, miou in zip(self.thresholds, curve, strict=True)),
        )
        best = int(curve.argmax())
        return dict(oracle_mIoU=round(float(curve[best]), 2), oracle_threshold=float(self.thresholds[best]))
