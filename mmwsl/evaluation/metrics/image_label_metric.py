"""Classification quality of the predicted image-level labels."""

from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger, print_log
from prettytable import PrettyTable

from ...registry import METRICS


def average_precision(scores: np.ndarray, labels: np.ndarray) -> float:
    r"""Area under the precision-recall curve, :math:`\sum_n (R_n - R_{n-1}) P_n`, without interpolation.

    Args:
        scores: Confidences, ``(N,)``. Equal scores are one threshold, so their order does not matter.
        labels: 1 (present), 0 (absent) or -1 (unknown, left out), ``(N,)``.

    Returns:
        A value in [0, 1]; NaN if no label is 1.
    """
    scores, labels = scores[labels >= 0], labels[labels >= 0]
    if not (labels == 1).any():
        return float('nan')
    order = np.argsort(-scores, kind='stable')
    scores, hits = scores[order], np.cumsum(labels[order] == 1)
    last = np.append(scores[1:] != scores[:-1], True)  # the last picture at each threshold
    hits, picked = hits[last], np.flatnonzero(last) + 1
    return float(np.sum(np.diff(hits, prepend=0) * hits / picked) / hits[-1])


@METRICS.register_module()
class ImageLabelMetric(BaseMetric):
    """Mean average precision of ``pred_label.score`` against ``gt_label.score``, in percent.

    Background (class 0) does not count, nor a class without a positive picture. See :func:`average_precision`.
    """

    default_prefix = None

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep the scores and labels of a batch."""
        for sample in data_samples:
            for field, source in (('pred_label', "the segmentor type='mmwsl.WeakEncoderDecoder'"),
                                  ('gt_label', "the transform type='mmwsl.PackImageLabelInputs'")):
                if field not in sample:
                    raise KeyError(f'ImageLabelMetric needs the field `{field}` of the data sample: add {source}')
            self.results.append(tuple(sample[field]['score'].cpu().numpy() for field in ('pred_label', 'gt_label')))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the AP of each class, print them, and return ``mAP``."""
        scores, labels = (np.stack(values) for values in zip(*results, strict=True))
        classes = self.dataset_meta['classes']
        aps = [100 * average_precision(scores[:, k], labels[:, k]) for k in range(1, len(classes))]
        table = PrettyTable(['Class', 'AP', 'Positives'])
        for name, ap, column in zip(classes[1:], aps, labels.T[1:], strict=True):
            table.add_row([name, f'{ap:.2f}', int((column == 1).sum())])
        print_log(f'per class average precision:\n{table}', MMLogger.get_current_instance())
        return dict(mAP=float(np.round(np.nanmean(aps), 2)) if not np.isnan(aps).all() else float('nan'))
