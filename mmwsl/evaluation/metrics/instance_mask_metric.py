"""Average precision and average best overlap of instance masks."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...annotations import coco_instances
from ...functional import average_best_overlap, average_precision, mask_ious, match_instances
from ...registry import METRICS
from .base import PerImageMetric, class_mean, log_table

ClassResult = tuple[np.ndarray, np.ndarray]
"""Scores ``(P,)`` and IoU with the ground truths ``(P, G)`` of one class in one image."""


@METRICS.register_module()
class InstanceMaskMetric(PerImageMetric):
    """AP of instance masks as in VOC, and average best overlap (ABO), in percent.

    ``AP50`` is the area under the monotone precision (all points) at a mask IoU above 0.5, each ground truth matched
    once, see :func:`mmwsl.functional.match_instances`. COCO's AP50 averages 101 recalls, limits the masks of an image
    and ignores crowd regions: it differs by about a point. ``ABO`` is the mean over the ground truths of a class of the
    best IoU with any mask of that class, whatever its score, so more masks never lower it: ``masks_per_image`` stands
    beside it. Both are means over the classes that have ground truth.

    The predictions are ``pred_instances`` of MMDetection: ``masks`` ``(n, H, W)`` at the original image size,
    ``scores`` and ``labels`` from 0, without background. A prediction on a crowd region is a false positive.

    Args:
        annotations: COCO file of the ground truth; images are matched by file name, categories by name.
        thresholds: IoU of each AP, in [0, 1).
        backend_args: See :mod:`mmengine.fileio`.
        **kwargs: Passed to :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        FileNotFoundError: If ``annotations`` does not exist.
        KeyError: In evaluation, if a data sample lacks a field or the file lacks an image.
        ValueError: If ``thresholds`` or the file is invalid; in evaluation, if a mask has another size than its image.
    """

    required_fields = dict(
        pred_instances="a detector with masks, such as type='mmdet.MaskRCNN'",
        img_path='it to `meta_keys` of the packing transform',
    )

    def __init__(
        self,
        annotations: str,
        thresholds: tuple[float, ...] = (0.25, 0.5, 0.75),
        backend_args: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not thresholds or not all(0 <= threshold < 1 for threshold in thresholds):
            raise ValueError(f'InstanceMaskMetric: `thresholds` must be in [0, 1), got {thresholds!r}.')
        self.thresholds = tuple(thresholds)
        self.annotations = annotations
        self.instances = coco_instances(annotations, backend_args)

    def process_sample(self, sample: dict[str, Any]) -> list[ClassResult]:
        """Return the result of each class."""
        name, predicted = Path(sample['img_path']).name, sample['pred_instances']
        if name not in self.instances:
            raise KeyError(f'InstanceMaskMetric: {self.annotations} must have the image {name!r}. Add it to the file.')
        truth = self.instances[name]
        masks = torch.as_tensor(predicted['masks']).cpu().bool()
        if truth and masks.shape[1:] != truth[0].shape:
            raise ValueError(
                f'InstanceMaskMetric: the masks of {name!r} must have the size {truth[0].shape} of '
                f'{self.annotations}, got {tuple(masks.shape[1:])}.'
            )
        labels, scores = predicted['labels'].cpu(), predicted['scores'].float().cpu()
        results = []
        for label, category in enumerate(self.dataset_meta['classes']):
            own = labels == label
            targets = [item.mask() for item in truth if item.name == category and not item.crowd]
            shape = (len(targets), *masks.shape[1:])
            ious = mask_ious(masks[own], torch.from_numpy(np.stack(targets)) if targets else torch.zeros(shape))
            results.append((scores[own].numpy(), ious.numpy()))
        return results

    def compute_metrics(self, results: list[list[ClassResult]]) -> dict[str, float]:
        """Log the values of each class and return their means."""
        names = [f'AP{100 * threshold:.0f}' for threshold in self.thresholds]
        values, rows = [], []
        for category, images in zip(self.dataset_meta['classes'], zip(*results, strict=True), strict=True):
            scores = np.concatenate([part for part, _ in images])
            count = sum(ious.shape[1] for _, ious in images)
            found = [
                average_precision(
                    scores,
                    np.concatenate([match_instances(ious, part, threshold) for part, ious in images]).astype(int),
                    count,
                    'all_points',
                )
                for threshold in self.thresholds
            ]
            found.append(average_best_overlap([ious for _, ious in images]))
            values.append([100 * value for value in found])
            rows.append((category, *(f'{value:.2f}' for value in values[-1]), len(scores), count))
        log_table('Instance masks', ['Class', *names, 'ABO', 'Masks', 'Ground truths'], rows)
        means = [class_mean(column) for column in zip(*values, strict=True)]
        masks = sum(len(scores) for image in results for scores, _ in image)
        return dict(zip([*names, 'ABO'], means, strict=True)) | {'masks_per_image': round(masks / len(results), 2)}
