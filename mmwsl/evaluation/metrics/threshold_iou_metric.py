"""IoU as a function of the background threshold."""

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger, print_log
from prettytable import PrettyTable
from torch import Tensor

from ...registry import METRICS


def threshold_confusion(foreground: Tensor, truth: Tensor, thresholds: Tensor) -> Tensor:
    """Confusion matrices of "the best class where its score exceeds the threshold, else background".

    Args:
        foreground: Scores of the foreground classes, ``(K - 1, H, W)``.
        truth: Classes 0 to K - 1; pixels of another value are ignored, ``(H, W)``.
        thresholds: Ascending, ``(T,)``.

    Returns:
        Counts ``(T, K, K)``: threshold, true class, predicted class.
    """
    classes, steps = len(foreground) + 1, len(thresholds)
    score, label = foreground.max(0)
    above = torch.searchsorted(thresholds, score)  # how many thresholds lie below the score
    index = (truth * classes + label + 1) * (steps + 1) + above
    counts = index[(truth >= 0) & (truth < classes)].bincount(minlength=classes * classes * (steps + 1))
    counts = counts.view(classes, classes, steps + 1)
    exceeding = counts.flip(2).cumsum(2).flip(2)[:, :, 1:]  # pixels whose score exceeds threshold t
    confusion = exceeding.permute(2, 0, 1).clone()
    confusion[:, :, 0] = (counts.sum((1, 2))[:, None] - exceeding.sum(1)).T
    return confusion


@METRICS.register_module()
class ThresholdIoUMetric(BaseMetric):
    """Sweep the threshold below which a pixel is background, over the scores that post-processing left.

    The best point was chosen with the masks of the test set: an oracle, and its names say so. It is how to choose the
    ``score`` of :class:`mmwsl.models.ConstantBackground` on a validation set.

    Args:
        thresholds: Ascending, of the best foreground probability. By default even in log-odds, from 0.00005 to
            0.99995 in steps of 0.5: how sure a score is depends on the aggregator.
    """

    default_prefix = None

    def __init__(self, thresholds: Sequence[float] | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        if thresholds is None:
            thresholds = (torch.arange(-20, 21) / 2).sigmoid().tolist()
        self.thresholds = torch.tensor(thresholds)
        if self.thresholds.ndim != 1 or not (self.thresholds.diff() > 0).all() or not len(self.thresholds):
            raise ValueError(f'`thresholds` must be an ascending list of numbers, got {thresholds}')

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the pixels of a batch at every threshold."""
        for sample in data_samples:
            for field, source in (
                ('pred_label', "the segmentor type='mmwsl.WeakEncoderDecoder', which predicts probabilities"),
                ('gt_sem_seg', "the transform type='LoadAnnotations'"),
            ):
                if field not in sample:
                    raise KeyError(f'{type(self).__name__} needs the field `{field}` of the data sample: add {source}')
            foreground = sample['pred_scores']['data'][1:]
            truth = sample['gt_sem_seg']['data'].squeeze(0).to(foreground.device)
            if truth.shape != foreground.shape[1:]:
                raise ValueError(
                    f'{type(self).__name__}: `gt_sem_seg` is {tuple(truth.shape)}, `seg_logits` '
                    f'{tuple(foreground.shape[1:])}. In the test pipeline, put LoadAnnotations '
                    'behind Resize'
                )
            self.results.append(self.count(foreground, truth).cpu().numpy())

    def count(self, foreground: Tensor, truth: Tensor) -> Tensor:
        """Count hits and union of each class at every threshold, ``(2, T, K)``."""
        confusion = threshold_confusion(foreground, truth, self.thresholds.to(foreground))
        hits = confusion.diagonal(0, 1, 2)
        return torch.stack([hits, confusion.sum(1) + confusion.sum(2) - hits])

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Print the curve, and return its best point."""
        hits, union = np.sum(results, axis=0)  # (T, K)
        with np.errstate(invalid='ignore'):
            curve = 100 * np.nanmean(hits / union, axis=1)
        table = PrettyTable(['Threshold', 'mIoU'])
        table.add_rows(
            [[f'{threshold:.5g}', f'{miou:.2f}'] for threshold, miou in zip(self.thresholds, curve, strict=True)]
        )
        best = int(curve.argmax())
        print_log(f'mIoU over the background threshold:\n{table}', MMLogger.get_current_instance())
        return dict(oracle_mIoU=round(float(curve[best]), 2), oracle_threshold=float(self.thresholds[best]))
