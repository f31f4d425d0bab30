"""Box localization: whether the box around the high scores of a class map fits an object."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ...annotations import component_boxes
from ...functional import box_iou, class_activation_maps
from ...registry import METRICS
from .base import log_table
from .object_boxes import ObjectBoxMetric


def best_overlaps(mask: np.ndarray, objects: Tensor) -> tuple[float, float]:
    """Compare the components of a mask with the boxes of the objects of one class.

    Args:
        mask: Pixels above a threshold, ``(H, W)`` bool.
        objects: Boxes ``(B, 4)``, float64, at least one; the right and bottom edges are exclusive.

    Returns:
        The highest intersection over union of the box of the largest component, and of the boxes of all components,
        with any object. Both are 0 for an empty mask.
    """
    boxes = torch.from_numpy(component_boxes(mask))
    if not len(boxes):
        return 0.0, 0.0
    boxes[:, 2:] += 1
    overlaps = box_iou(boxes, objects).amax(1)
    return float(overlaps[0]), float(overlaps.max())


@METRICS.register_module()
class BoxLocalizationMetric(ObjectBoxMetric):
    r"""Accuracy of the boxes of class maps, in percent.

    The map of a class in ``pred_scores`` is min-max normalized to [0, 1], a constant map to 0. The pixels above a
    threshold form connected components (8 neighbors), and each component has a tight box. A box is correct if its
    intersection over union with any object of the class is at least :math:`\delta`.

    - ``GT-known_Loc``: the share of correct boxes over all pairs of an image and a present class, with the box of the
      largest component, ``threshold`` and :math:`\delta = 0.5` (CAM, Zhou et al., CVPR 2016).
    - ``Top-1_Loc``: the share of images whose class of the highest ``pred_label.score`` is present and has a correct
      box by the same rule.
    - ``MaxBoxAcc`` (V1): as ``GT-known_Loc``, with the best of all thresholds.
    - ``MaxBoxAccV2`` (Choe et al., CVPR 2020): a pair is correct if any component has a correct box; the accuracy of
      the best threshold for each :math:`\delta \in \{0.3, 0.5, 0.7\}`, averaged over :math:`\delta`. By definition
      both select the threshold on the evaluated boxes.

    The paper of CAM takes 20% of the map's maximum without subtracting the minimum: the same for maps that reach 0.
    Boxes end at the far edges of their last pixels, as those of the objects do; the public code of MaxBoxAccV2 ends one
    pixel further. Its 8-bit maps have 255 different masks, as the default ``num_thresholds`` here.

    Without ``annotations``, the names end with ``_from_masks``; see :class:`ObjectBoxMetric`.

    Args:
        annotations: See :class:`ObjectBoxMetric`.
        threshold: Fixed threshold of ``GT-known_Loc`` and ``Top-1_Loc``, in [0, 1).
        num_thresholds: Number T of the thresholds 0, 1/T, ... of ``MaxBoxAcc`` and ``MaxBoxAccV2``. 0 omits both.
        side: Height and width that maps are resized to, as in the public code; None keeps the size of the image.
        difficult: Count objects that VOC flags as difficult, and COCO's crowd regions. By default they are left out, as
            are pairs of an image and a class that has only such objects.
        **kwargs: Passed to :class:`ObjectBoxMetric`.

    Raises:
        ValueError: If an argument is out of range.
    """

    ious = (0.3, 0.5, 0.7)

    def __init__(
        self,
        annotations: str | None = None,
        threshold: float = 0.2,
        num_thresholds: int = 255,
        side: int | None = 224,
        difficult: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(annotations, **kwargs)
        if not 0 <= threshold < 1:
            raise ValueError(f'BoxLocalizationMetric: `threshold` must be in [0, 1), got {threshold!r}. Set 0.2.')
        for name, value, least in (('num_thresholds', num_thresholds, 0), ('side', 1 if side is None else side, 1)):
            if not isinstance(value, int) or value < least:
                raise ValueError(
                    f'BoxLocalizationMetric: `{name}` must be an integer of at least {least}, got {value!r}.'
                )
        self.threshold = threshold
        self.thresholds = np.arange(num_thresholds) / max(num_thresholds, 1)
        self.side = side
        self.difficult = difficult

    def process_sample(self, sample: dict[str, Any]) -> tuple[dict[int, tuple[float, np.ndarray]], float]:
        """Compare the boxes of every present class of one image with its objects.

        Returns:
            For every present class, the overlap at ``threshold`` and those at all thresholds, ``(2, T)``, first of the
            largest and then of the best component; and the overlap of the class of the highest score, -1 if that class
            has only difficult objects.
        """
        maps = sample['pred_scores']['data'].float()
        height, width = maps.shape[1:]
        if self.side is not None:
            maps = F.interpolate(maps[None], (self.side,) * 2, mode='bilinear', align_corners=False)[0]
        normalized = class_activation_maps([maps[1:]], 'min_max').cpu().numpy()
        scale = np.array([maps.shape[2] / width, maps.shape[1] / height] * 2)
        boxes = self.read_boxes(sample)
        names = self.dataset_meta['classes']
        overlaps = {}
        for index, name in enumerate(names[1:], 1):
            own = [item.box for item in boxes if item.name == name and (self.difficult or not item.difficult)]
            if not own:
                continue
            objects = torch.from_numpy((np.array(own, float) + (0, 0, 1, 1)) * scale)
            fixed, _ = best_overlaps(normalized[index - 1] > self.threshold, objects)
            curve = [best_overlaps(normalized[index - 1] > threshold, objects) for threshold in self.thresholds]
            overlaps[index] = fixed, np.array(curve, np.float32).reshape(-1, 2).T
        top = 1 + int(sample['pred_label']['score'][1:].argmax())
        ignored = top not in overlaps and any(item.name == names[top] for item in boxes)
        return overlaps, -1.0 if ignored else overlaps[top][0] if top in overlaps else 0.0

    def compute_metrics(self, results: list[tuple[dict[int, tuple[float, np.ndarray]], float]]) -> dict[str, float]:
        """Log the accuracies of each class and return those over all pairs of an image and a class."""
        pairs = [(index, *values) for overlaps, _ in results for index, values in overlaps.items()]
        tops = [top for overlaps, top in results if overlaps and top >= 0]
        metrics = {
            'GT-known_Loc': _percent([fixed >= 0.5 for _, fixed, _ in pairs]),
            'Top-1_Loc': _percent([top >= 0.5 for top in tops]),
        }
        if len(self.thresholds) and pairs:
            curves = np.stack([curve for *_, curve in pairs])  # (pairs, 2, T)
            accuracies = np.stack([(curves >= iou).mean(0) for iou in self.ious])  # (3, 2, T)
            best = accuracies.max(2)
            metrics['MaxBoxAcc'] = _percent(best[[self.ious.index(0.5)], 0])
            metrics['MaxBoxAccV2'] = _percent(best[:, 1])
            chosen = self.thresholds[accuracies[:, 1].argmax(1)]
            log_table(
                'MaxBoxAccV2 at each IoU, with the threshold that is best on these boxes',
                ['IoU', 'Accuracy', 'Threshold'],
                [
                    (iou, f'{100 * value:.2f}', f'{threshold:.3f}')
                    for iou, value, threshold in zip(self.ious, best[:, 1], chosen, strict=True)
                ],
            )
        rows = []
        for index, name in enumerate(self.dataset_meta['classes'][1:], 1):
            correct = [fixed >= 0.5 for one, fixed, _ in pairs if one == index]
            rows.append((name, f'{_percent(correct):.2f}', len(correct)))
        log_table(f'box localization at threshold {self.threshold}', ['Class', 'GT-known Loc', 'Images'], rows)
        return {f'{key}{self.suffix}': value for key, value in metrics.items()}


def _percent(values: Sequence[float] | np.ndarray) -> float:
    return round(100 * float(np.mean(values)), 2) if len(values) else float('nan')
