"""Classification quality of predicted image-level labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...functional import average_precision
from ...registry import METRICS
from ...utils.sample_fields import AGGREGATING_HEAD
from .ap_variants import AP_SUFFIXES, check_variants
from .base import PerImageMetric, class_mean, log_table


class ImageLevelMetric(PerImageMetric):
    """Base class of the metrics of ``pred_label`` against ``gt_label.score``.

    The prediction is ``log_odds``, or ``score`` where a sample has probabilities only: these are 1 in float32 for every
    logit above 17, so they do not rank the images of a confident network.
    """

    required_fields = dict(
        pred_label=AGGREGATING_HEAD,
        gt_label="the transform type='mmwsl.PackImageLabelInputs' and the dataset's `label_file`, or remove the metric",
    )

    @staticmethod
    def scores_and_labels(sample: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores and the labels of one image, ``(K,)`` each."""
        prediction = sample['pred_label']
        # Known image-level labels override `score`: it would be compared with itself.
        names = [name for name in ('log_odds', 'raw_score', 'score') if name in prediction]
        return prediction[names[0]].cpu().numpy(), sample['gt_label']['score'].cpu().numpy()


@METRICS.register_module()
class ImageLabelMetric(ImageLevelMetric):
    """Mean average precision (mAP) of ``pred_label`` against ``gt_label.score``, in percent.

    Background (class 0) and classes without a positive image do not count, nor do unknown labels, such as those of
    VOC's classes with difficult objects only (``difficult='unknown'`` of :class:`mmwsl.datasets.VOCWeakDataset`). See
    :func:`mmwsl.functional.average_precision`.

    Args:
        variants: Variants of the average precision, each with its own key: ``'area'`` is ``mAP``, the area under the
            precision-recall curve itself; ``'all_points'`` is ``mAP_all_points``, of VOC since 2010; ``'11point'`` is
            ``mAP_11point``, of VOC 2007.
        **kwargs: Passed to :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        ValueError: If ``variants`` is empty or has an unknown name.
        KeyError: In evaluation, if a data sample lacks a field.
    """

    def __init__(self, variants: Sequence[str] = ('area',), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.variants = check_variants(self, variants)

    def process_sample(self, sample: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores and the labels of one image, ``(K,)`` each."""
        return self.scores_and_labels(sample)

    def compute_metrics(self, results: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
        """Log the AP of each class and return the mean of each variant."""
        scores, labels = (np.stack(values)[:, 1:].T for values in zip(*results, strict=True))
        aps = {
            f'AP{AP_SUFFIXES[variant]}': [
                100 * average_precision(*pair, variant=variant) for pair in zip(scores, labels, strict=True)
            ]
            for variant in self.variants
        }
        log_table(
            f'average precision per class ({", ".join(f"AP{AP_SUFFIXES[name]}: {name}" for name in self.variants)})',
            ['Class', *aps, 'Positives'],
            (
                (name, *(f'{ap:.2f}' for ap in values), int((label == 1).sum()))
                for name, label, *values in zip(self.dataset_meta['classes'][1:], labels, *aps.values(), strict=True)
            ),
        )
        return {f'm{key}': class_mean(values) for key, values in aps.items()}
