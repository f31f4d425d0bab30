"""Classification quality of predicted image-level labels."""

from typing import Any

import numpy as np

from ...functional import average_precision
from ...registry import METRICS
from ...utils.sample_fields import AGGREGATING_HEAD
from .base import PerImageMetric, class_mean, log_table


@METRICS.register_module()
class ImageLabelMetric(PerImageMetric):
    """Mean average precision (mAP) of ``pred_label.score`` against ``gt_label.score``, in percent.

    Background (class 0) and classes without a positive image do not count. See
    :func:`mmwsl.functional.average_precision`.

    Args:
        eleven_point: Also return ``mAP_11point``, with the eleven-point AP of VOC 2007. ``mAP`` is the area under the
            precision-recall curve itself. VOC since 2010 first makes the precision monotone, which gives slightly
            larger values.
        **kwargs: Passed to :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        KeyError: In evaluation, if a data sample lacks a field.
    """

    required_fields = dict(
        pred_label=AGGREGATING_HEAD,
        gt_label="the transform type='mmwsl.PackImageLabelInputs' and the dataset's `label_file`, or remove the metric",
    )

    def __init__(self, eleven_point: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.eleven_point = eleven_point

    def process_sample(self, sample: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores and the labels of one image, ``(K,)`` each."""
        prediction = sample['pred_label']
        # Known image-level labels override `score`: it would be compared with itself.
        return prediction.get('raw_score', prediction['score']).cpu().numpy(), sample['gt_label']['score'].cpu().numpy()

    def compute_metrics(self, results: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
        """Log the AP of each class and return ``mAP``, and ``mAP_11point`` if it is set."""
        scores, labels = (np.stack(values)[:, 1:].T for values in zip(*results, strict=True))
        columns = dict(AP=False, AP_11point=True) if self.eleven_point else dict(AP=False)
        aps = {
            key: [100 * average_precision(*pair, eleven_point=eleven) for pair in zip(scores, labels, strict=True)]
            for key, eleven in columns.items()
        }
        log_table(
            'average precision per class',
            ['Class', *aps, 'Positives'],
            (
                (name, *(f'{ap:.2f}' for ap in values), int((label == 1).sum()))
                for name, label, *values in zip(self.dataset_meta['classes'][1:], labels, *aps.values(), strict=True)
            ),
        )
        return {f'm{key}': class_mean(values) for key, values in aps.items()}
