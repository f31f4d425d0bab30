"""Search of one background threshold per class."""

import json
from collections.abc import Sequence

import numpy as np
import torch
from mmengine.logging import MMLogger, print_log
from prettytable import PrettyTable
from torch import Tensor

from ...registry import METRICS
from ...utils.files import atomic_write
from .threshold_iou_metric import ThresholdIoUMetric


def winner_counts(foreground: Tensor, truth: Tensor, thresholds: Tensor) -> Tensor:
    """Count the pixels by best class, by how many thresholds its score exceeds, and by true class.

    Args:
        foreground: Scores of the foreground classes, ``(K - 1, H, W)``.
        truth: Classes 0 to K - 1; pixels of another value are ignored, ``(H, W)``.
        thresholds: Ascending, ``(T,)``.

    Returns:
        Counts ``(K - 1, T + 1, K)``.
    """
    shape = (len(foreground), len(thresholds) + 1, len(foreground) + 1)
    score, label = foreground.max(0)
    index = (label * shape[1] + torch.searchsorted(thresholds, score)) * shape[2] + truth
    return index[(truth >= 0) & (truth < shape[2])].bincount(minlength=shape[0] * shape[1] * shape[2]).view(shape)


def search_class_thresholds(counts: np.ndarray) -> tuple[list[int], np.ndarray]:
    """Choose a threshold for every class so that the mean IoU over classes is largest.

    Coordinate ascent from the best common threshold: the thresholds depend on each other through background alone, so
    a few rounds settle. The result is at least as good as any common threshold.

    Args:
        counts: Of :func:`winner_counts`, over all images, ``(K - 1, T + 1, K)``.

    Returns:
        The index of each class's threshold in the grid, and the IoU of each class with background, ``(K,)``; NaN for
        classes without a pixel.

    Raises:
        ValueError: If there is no pixel.
    """
    if not counts.any():
        raise ValueError(
            'the masks have no pixel of any class, so there is nothing to search on: check that '
            '`seg_map_path` and the classes of the dataset fit'
        )
    steps, classes = counts.shape[1] - 1, counts.shape[2]
    # Pixels that class k takes with threshold t, by true class: those that exceed more than t thresholds.
    taken = counts[:, ::-1].cumsum(1)[:, ::-1][:, 1:]  # (K - 1, T, K)
    truth = counts.sum((0, 1))
    rows = np.arange(classes - 1)

    def ious(chosen: np.ndarray) -> np.ndarray:
        confusion = np.empty((classes, classes))  # predicted, true
        confusion[1:] = taken[rows, chosen]
        confusion[0] = truth - confusion[1:].sum(0)
        hits = confusion.diagonal()
        with np.errstate(invalid='ignore'):
            return hits / (confusion.sum(1) + truth - hits)

    def quality(chosen: np.ndarray) -> float:
        return np.nanmean(ious(chosen))

    best = max((np.full(classes - 1, step) for step in range(steps)), key=quality)
    while True:
        before = quality(best)
        for k in rows:
            best = max((np.where(rows == k, step, best) for step in (best[k], *range(steps))), key=quality)
        if not quality(best) > before:
            return best.tolist(), ious(best)


@METRICS.register_module()
class ClassThresholdSearch(ThresholdIoUMetric):
    """Search the thresholds per class of :class:`mmwsl.inference.postprocessors.ClassThresholds`, as Pinheiro & Collobert do.

    The scores are those that post-processing left. The numbers are chosen with the masks of the dataset that is
    evaluated, and say so: on that set its mIoU is an oracle; for an honest one, search on one set and evaluate on
    another.

    Args:
        tuned_on: Name of the masks, such as ``'masks of voc6 train'``.
        out_file: JSON file for the thresholds, for ``ClassThresholds(thresholds=out_file)``. None writes none.
        **kwargs: Of :class:`ThresholdIoUMetric`.
    """

    def __init__(self, tuned_on: str, out_file: str | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.tuned_on = tuned_on
        self.out_file = out_file

    def count(self, foreground: Tensor, truth: Tensor) -> Tensor:
        """Count the pixels of an image: where the counts of :func:`winner_counts` are not 0, and what, ``(2, n)``."""
        counts = winner_counts(foreground, truth, self.thresholds.to(foreground)).flatten()
        places = counts.nonzero().squeeze(1)
        return torch.stack([places, counts[places]])

    def compute_metrics(self, results: Sequence[np.ndarray]) -> dict[str, float]:
        """Search, print and write the thresholds."""
        classes = len(self.dataset_meta['classes'])
        shape = (classes - 1, len(self.thresholds) + 1, classes)
        places, counts = np.concatenate(results, axis=1)
        total = np.bincount(places, weights=counts, minlength=int(np.prod(shape))).astype(np.int64)
        chosen, ious = search_class_thresholds(total.reshape(shape))
        thresholds = [float(self.thresholds[step]) for step in chosen]
        miou = round(100 * float(np.nanmean(ious)), 2)
        table = PrettyTable(['Class', 'Threshold', 'IoU'])
        names = self.dataset_meta['classes']
        table.add_rows(
            [
                [name, threshold, f'{100 * iou:.2f}']
                for name, threshold, iou in zip(
                    names, ['', *(f'{threshold:.5g}' for threshold in thresholds)], ious, strict=True
                )
            ]
        )
        print_log(f'thresholds per class, tuned on {self.tuned_on}:\n{table}', MMLogger.get_current_instance())
        if self.out_file:
            content = dict(thresholds=thresholds, tuned_on=self.tuned_on, mIoU=miou, classes=list(names))
            with atomic_write(self.out_file) as file:
                file.write(json.dumps(content, indent=1).encode())
        return dict(oracle_mIoU_class_thresholds=miou)
