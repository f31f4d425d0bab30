"""Point localization mAP: whether the highest-scoring pixel of a class lies on an object."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine import fileio

from ...annotations import ObjectBox, coco_boxes, mask_boxes, voc_boxes
from ...functional import average_precision
from ...registry import METRICS
from ...utils.sample_fields import AGGREGATING_HEAD, LOAD_ANNOTATIONS, WEAK_SEGMENTOR
from .base import PerImageMetric, class_mean, log_table

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
class PointLocalizationMetric(PerImageMetric):
    """Mean average precision of point localization (Oquab et al., CVPR 2015, Sec. 5), in percent.

    The point of a class is the highest-scoring pixel of ``pred_scores`` at the original image size; among equal
    scores, the first in row-major order. It is correct if it lies in a box of the class or at most ``tolerance``
    pixels outside. Otherwise it is a false positive, and the objects of the image are missed. The image-level scores
    ``pred_label.score`` rank the points of all images. The AP of a class is the area under the curve, see
    :func:`mmwsl.functional.average_precision`. Background (class 0) and classes without an object do not count.

    ``pred_scores`` are the scores after post-processing. Post-processors that equalize the scores of a region
    (superpixels) or remove a class (the image-level prior) make the first pixel arbitrary.

    Without ``annotations``, each connected component of ``gt_sem_seg`` gives a box. These boxes differ from annotated
    boxes where objects touch or occlude each other, so the result is ``point_mAP_from_masks`` instead of
    ``point_mAP``. Only ``point_mAP`` is comparable with published results, whose precision may be monotone.

    Args:
        annotations: Folder of VOC XML files, ``{stem of the image}.xml``, or a COCO file ``instances_*.json``, whose
            images and categories are matched by name.
        tolerance: Non-negative number of pixels of the image. The paper uses 18, the pooling ratio of its network.
        difficult: Count objects that VOC flags as difficult, and COCO's crowd regions, like all others. By default
            they are ignored, as in the evaluations of VOC and COCO.
        backend_args: See :mod:`mmengine.fileio`.
        **kwargs: Passed to :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        FileNotFoundError: If ``annotations`` does not exist; in evaluation, if an image has no XML file.
        KeyError: In evaluation, if a data sample lacks a field or the JSON file lacks an image.
        ValueError: If ``tolerance`` is negative or an annotation file is invalid; in evaluation, if a mask or a box
            does not fit the size of the image.
    """

    def __init__(
        self,
        annotations: str | None = None,
        tolerance: float = 18,
        difficult: bool = False,
        backend_args: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not tolerance >= 0:
            raise ValueError(
                f'PointLocalizationMetric: `tolerance` must be a non-negative number of pixels, got {tolerance!r}. '
                'Set 18 as in the paper.'
            )
        self.annotations = annotations
        self.tolerance = tolerance
        self.difficult = difficult
        self.backend_args = backend_args
        self.required_fields = dict(pred_label=AGGREGATING_HEAD, pred_scores=WEAK_SEGMENTOR) | (
            dict(gt_sem_seg=f'{LOAD_ANNOTATIONS}, or set `annotations`')
            if annotations is None
            else dict(img_path='it to `meta_keys` of the packing transform')
        )
        self.coco_boxes = None
        if annotations is not None and not fileio.isdir(annotations, backend_args=backend_args):
            if not fileio.exists(annotations, backend_args=backend_args):
                raise FileNotFoundError(
                    'PointLocalizationMetric: `annotations` must be a folder of XML files or an `instances_*.json`, '
                    f'got {str(annotations)!r}, which does not exist. Correct the path.'
                )
            self.coco_boxes = coco_boxes(annotations, backend_args)

    def process_sample(self, sample: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Return the image-level score and the outcome of every foreground class, ``(K - 1,)`` each."""
        maps = sample['pred_scores']['data'][1:]
        height, width = maps.shape[1:]
        boxes = self._read_boxes(sample, height, width)
        outcomes = []
        for name, index in zip(self.dataset_meta['classes'][1:], maps.flatten(1).argmax(1).tolist(), strict=True):
            own = [item for item in boxes if item.name == name]
            outcomes.append(point_outcome((index % width, index // width), own, self.tolerance, self.difficult))
        return sample['pred_label']['score'][1:].float().cpu().numpy(), np.array(outcomes, np.int8)

    def _read_boxes(self, sample: dict[str, Any], height: int, width: int) -> list[ObjectBox]:
        """Read the boxes of an image."""
        if self.annotations is None:
            return mask_boxes(self.ground_truth(sample, 'pred_scores').cpu().numpy(), self.dataset_meta['classes'])
        image = Path(sample['img_path'])
        if self.coco_boxes is None:
            source = fileio.join_path(self.annotations, f'{image.stem}.xml', backend_args=self.backend_args)
            boxes = voc_boxes(source, self.backend_args)
        elif image.name in self.coco_boxes:
            source, boxes = f'{self.annotations}, {image.name}', self.coco_boxes[image.name]
        else:
            raise KeyError(
                f'{self.annotations}: the file must contain the evaluated images, got no {image.name!r}. Set '
                '`annotations` to the file of the evaluated split.'
            )
        for item in boxes:
            if item.box[2] >= width or item.box[3] >= height:
                raise ValueError(
                    f'{source}: the box of {item.name!r} must lie in the image of {width} x {height}, got {item.box} '
                    '(left, top, right, bottom, from 0). Set `annotations` to the boxes of the original images.'
                )
        return boxes

    def compute_metrics(self, results: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
        """Log the AP of each class and return their mean."""
        scores, outcomes = (np.stack(values) for values in zip(*results, strict=True))
        key = 'point_mAP_from_masks' if self.annotations is None else 'point_mAP'
        aps, rows = [], []
        for name, score, outcome in zip(self.dataset_meta['classes'][1:], scores.T, outcomes.T, strict=True):
            found = int((outcome == FOUND).sum())
            present = found + int((outcome == MISSED).sum())
            labels = np.where(outcome == UNKNOWN, -1, outcome == FOUND)
            aps.append(100 * average_precision(score, labels, present))
            rows.append((name, f'{aps[-1]:.2f}', found, present))
        log_table(f'{key} with a tolerance of {self.tolerance} pixels', ['Class', 'AP', 'Found', 'Images'], rows)
        return {key: class_mean(aps)}
