"""Point localization mAP: whether the highest-scoring pixel of a class lies on an object."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...annotations import ObjectBox
from ...functional import average_precision
from ...registry import METRICS
from .ap_variants import AP_SUFFIXES, check_variants
from .base import class_mean, log_table
from .object_boxes import ObjectBoxMetric

ABSENT, MISSED, FOUND, UNKNOWN = 0, 1, 2, -1


def point_outcome(point: tuple[int, int], boxes: Sequence[ObjectBox], tolerance: float, difficult: bool = False) -> int:
    """Compare the point of one class with the boxes of one image.

    Args:
        point: Column and row, counted from 0.
        boxes: Boxes of the objects of this class.
        tolerance: Number of pixels outside a box that still count, on each side.
        difficult: Count difficult objects like all others. Otherwise a point is unknown if it lies only on difficult
            objects, or if the image has no other objects of the class.

    Returns:
        ``FOUND``, ``MISSED`` (the objects are elsewhere), ``ABSENT`` (there is no object) or ``UNKNOWN``.
    """
    x, y = point
    hit = [
        left - tolerance <= x <= right + tolerance and top - tolerance <= y <= bottom + tolerance
        for left, top, right, bottom in (item.box for item in boxes)
    ]
    counts = [difficult or not item.difficult for item in boxes]
    if any(inside and count for inside, count in zip(hit, counts, strict=True)):
        return FOUND
    if boxes and (any(hit) or not any(counts)):
        return UNKNOWN
    return MISSED if boxes else ABSENT


@METRICS.register_module()
class PointLocalizationMetric(ObjectBoxMetric):
    """Mean average precision of point localization (Oquab et al., CVPR 2015, Sec. 5), in percent.

    The point of a class is the highest-scoring pixel of ``pred_scores`` at the original image size; among equal
    scores, the first in row-major order. It is correct if it lies in a box of the class or at most ``tolerance``
    pixels outside. Otherwise it is a false positive, and the objects of the image are missed. The image-level scores
    ``pred_label.score`` rank the points of all images. Background (class 0) and classes without an object do not count.

    ``pred_scores`` are the scores after post-processing. Post-processors that equalize the scores of a region
    (superpixels) or remove a class (the image-level prior) make the first pixel arbitrary.

    Without ``annotations``, the result is ``point_mAP_from_masks`` instead of ``point_mAP``; see
    :class:`ObjectBoxMetric`. Only ``point_mAP`` is comparable with published results, whose variant of the average
    precision is not verified.

    Args:
        tolerance: Non-negative number of pixels. 18, the pooling ratio of the paper's network, is not verified there.
        tolerance_side: Long side in pixels of the image that ``tolerance`` is measured in: the tolerance in the
            original image is ``tolerance`` times its own long side divided by ``tolerance_side``. None measures in the
            original image. The paper rescales images to 500 pixels, the long side of almost every image of VOC; that
            the tolerance holds there is not verified.
        difficult: Count objects that VOC flags as difficult, and COCO's crowd regions, like all others. By default
            they are ignored, as in the evaluations of VOC and COCO.
        variants: Variants of the average precision, as those of :class:`ImageLabelMetric`, each with its own key:
            ``point_mAP``, ``point_mAP_all_points``, ``point_mAP_11point``, before ``_from_masks``.
        **kwargs: Passed to :class:`ObjectBoxMetric`, e.g. ``annotations`` and ``min_area``.

    Raises:
        ValueError: If ``tolerance`` is negative, ``tolerance_side`` not positive, or ``variants`` is empty or has an
            unknown name.
    """

    def __init__(
        self,
        annotations: str | None = None,
        tolerance: float = 18,
        difficult: bool = False,
        tolerance_side: float | None = None,
        variants: Sequence[str] = ('area',),
        **kwargs: Any,
    ) -> None:
        super().__init__(annotations, **kwargs)
        if not tolerance >= 0:
            raise ValueError(
                f'PointLocalizationMetric: `tolerance` must be a non-negative number of pixels, got {tolerance!r}. '
                'Set 18 as in the paper.'
            )
        if tolerance_side is not None and not tolerance_side > 0:
            raise ValueError(
                'PointLocalizationMetric: `tolerance_side` must be a positive number of pixels or None, got '
                f'{tolerance_side!r}. Set 500 as in the paper.'
            )
        self.tolerance = tolerance
        self.tolerance_side = tolerance_side
        self.difficult = difficult
        self.variants = check_variants(self, variants)

    def process_sample(self, sample: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Return the image-level score and the outcome of every foreground class, ``(K - 1,)`` each."""
        maps = sample['pred_scores']['data'][1:]
        height, width = maps.shape[1:]
        tolerance = self.tolerance * max(height, width) / (self.tolerance_side or max(height, width))
        boxes = self.read_boxes(sample)
        outcomes = []
        for name, index in zip(self.dataset_meta['classes'][1:], maps.flatten(1).argmax(1).tolist(), strict=True):
            own = [item for item in boxes if item.name == name]
            outcomes.append(point_outcome((index % width, index // width), own, tolerance, self.difficult))
        return sample['pred_label']['score'][1:].float().cpu().numpy(), np.array(outcomes, np.int8)

    def compute_metrics(self, results: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
        """Log the AP of each class and return the mean of each variant."""
        scores, outcomes = (np.stack(values) for values in zip(*results, strict=True))
        keys = [f'point_mAP{AP_SUFFIXES[variant]}{self.suffix}' for variant in self.variants]
        aps, rows = [], []
        for name, score, outcome in zip(self.dataset_meta['classes'][1:], scores.T, outcomes.T, strict=True):
            found = int((outcome == FOUND).sum())
            present = found + int((outcome == MISSED).sum())
            labels = np.where(outcome == UNKNOWN, -1, outcome == FOUND)
            aps.append([100 * average_precision(score, labels, present, variant) for variant in self.variants])
            rows.append((name, *(f'{ap:.2f}' for ap in aps[-1]), found, present))
        log_table(
            f'Point localization with a tolerance of {self.tolerance} pixels', ['Class', *keys, 'Found', 'Images'], rows
        )
        return {key: class_mean(values) for key, values in zip(keys, zip(*aps, strict=True), strict=True)}
