"""Does the best pixel of a class lie on an object of it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine import fileio
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger, print_log
from prettytable import PrettyTable

from ...annotations import ObjectBox, coco_boxes, mask_boxes, voc_boxes
from ...functional import average_precision
from ...registry import METRICS

ABSENT, MISSED, FOUND, UNKNOWN = 0, 1, 2, -1


def point_outcome(point: tuple[int, int], boxes: Sequence[ObjectBox], tolerance: float, difficult: bool = False) -> int:
    """Judge the point of one class in one image.

    Args:
        point: Column and row, counted from 0.
        boxes: Of the objects of this class.
        tolerance: How many pixels outside of a box still count, on each side.
        difficult: Whether difficult objects count like any other. If not, a point that lies on no other object than
            difficult ones is unknown, and so is any in an image that has no other.

    Returns:
        ``FOUND``, ``MISSED`` (there is an object elsewhere), ``ABSENT`` (there is none) or ``UNKNOWN``.
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
class PointLocalizationMetric(BaseMetric):
    """Mean average precision of pointing at objects (Oquab et al., CVPR 2015, Sec. 5), in percent.

    For each class, the pixel of the best score (``seg_logits`` at the original image size; of equals the first, row by
    row) is right if it lies in a box of the class, or at most ``tolerance`` pixels outside. If not, it is a false
    positive, and the image's objects are not found. The points of all images are ranked by the image-level score
    ``pred_label.score``; the area under the curve is the AP of the class, see
    :func:`mmwsl.functional.average_precision`. Background (class 0) does not count, nor a class without an object.

    The scores are those that post-processing left: steps that make them equal over a region, such as superpixels, or
    an image-level prior that removes a class, leave a first pixel that says little.

    Without ``annotations``, the boxes are those of the connected components of ``gt_sem_seg``. They differ from drawn
    boxes where objects touch or cut each other, so the result is then named ``point_mAP_from_masks``, otherwise
    ``point_mAP``: only the latter compares with published numbers, whose curve may have been made monotone first.

    Args:
        annotations: Folder of VOC's XML files, ``{stem of the image}.xml``, or COCO's ``instances_*.json``, whose
            images and categories are matched by name.
        tolerance: In pixels of the image, not negative. 18, as in the paper, is what its network pools.
        difficult: Whether objects that VOC flags as difficult, and COCO's crowd regions, count like any other. By
            default they neither help nor hurt, as in the datasets' own evaluations.
        backend_args: See :mod:`mmengine.fileio`.
        **kwargs: Of :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        FileNotFoundError: If ``annotations`` does not exist; in evaluation, if an image has no XML file.
        KeyError: In evaluation, if a sample lacks a field, or the JSON file an image.
        ValueError: If ``tolerance`` is negative or an annotation file is not as it should be; in evaluation, if a mask
            or a box is not of the image's size.
    """

    default_prefix = None

    def __init__(
        self,
        annotations: str | None = None,
        tolerance: float = 18,
        difficult: bool = False,
        backend_args: dict | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if not tolerance >= 0:
            raise ValueError(f'`tolerance` must be a number of pixels, not negative, got {tolerance!r}')
        self.annotations = annotations
        self.tolerance = tolerance
        self.difficult = difficult
        self.backend_args = backend_args
        self.coco_boxes = None
        if annotations is not None and not fileio.isdir(annotations, backend_args=backend_args):
            if not fileio.exists(annotations, backend_args=backend_args):
                raise FileNotFoundError(
                    '`annotations` must be the folder of the XML files or an `instances_*.json`, '
                    f'but {str(annotations)!r} does not exist'
                )
            self.coco_boxes = coco_boxes(annotations, backend_args)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep the image-level score and the outcome of every class of a batch, background left out."""
        names = self.dataset_meta['classes']
        needed = [
            ('pred_label', "the segmentor type='mmwsl.WeakEncoderDecoder'"),
            ('seg_logits', "the segmentor type='mmwsl.WeakEncoderDecoder'"),
            ('gt_sem_seg', "the transform type='LoadAnnotations', or give `annotations`")
            if self.annotations is None
            else ('img_path', 'it to `meta_keys` of the packing transform'),
        ]
        for sample in data_samples:
            for field, source in needed:
                if field not in sample:
                    raise KeyError(
                        f'PointLocalizationMetric needs the field `{field}` of the data sample: add {source}'
                    )
            maps = sample['seg_logits']['data'][1:]
            width = maps.shape[2]
            boxes = self._boxes(sample, tuple(maps.shape[1:]), names)
            outcomes = []
            for name, place in zip(names[1:], maps.flatten(1).argmax(1).tolist(), strict=True):
                own = [item for item in boxes if item.name == name]
                outcomes.append(point_outcome((place % width, place // width), own, self.tolerance, self.difficult))
            scores = sample['pred_label']['score'][1:].float().cpu().numpy()
            self.results.append((scores, np.array(outcomes, np.int8)))

    def _boxes(self, sample: dict, size: tuple[int, int], names: Sequence[str]) -> list[ObjectBox]:
        """Return the boxes of an image of ``size``, height and width."""
        if self.annotations is None:
            mask = sample['gt_sem_seg']['data'].squeeze(0).cpu().numpy()
            if mask.shape != size:
                raise ValueError(
                    f'`gt_sem_seg` must have the size of `seg_logits`, got {mask.shape} for {size}: load '
                    "the mask after the transform type='Resize'"
                )
            return mask_boxes(mask, names)
        source, boxes = self._read(Path(sample['img_path']))
        for item in boxes:
            if item.box[2] >= size[1] or item.box[3] >= size[0]:
                raise ValueError(
                    f'{source}: the box {item.box} (left, top, right, bottom, from 0) of {item.name} '
                    f'leaves the image of {size[1]} x {size[0]}: `annotations` must belong to the '
                    'images at their own size'
                )
        return boxes

    def _read(self, image: Path) -> tuple[str, list[ObjectBox]]:
        """Return where the boxes of an image stand, and the boxes."""
        if self.coco_boxes is None:
            path = fileio.join_path(self.annotations, f'{image.stem}.xml', backend_args=self.backend_args)
            return path, voc_boxes(path, self.backend_args)
        if image.name not in self.coco_boxes:
            raise KeyError(
                f'{self.annotations} has no image {image.name!r}: `annotations` must belong to the '
                'images that are evaluated'
            )
        return f'{self.annotations}, {image.name}', self.coco_boxes[image.name]

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the AP of each class, print them, and return their mean."""
        scores, outcomes = (np.stack(values) for values in zip(*results, strict=True))
        key = 'point_mAP_from_masks' if self.annotations is None else 'point_mAP'
        aps = []
        table = PrettyTable(['Class', 'AP', 'Found', 'Images'])
        for name, score, outcome in zip(self.dataset_meta['classes'][1:], scores.T, outcomes.T, strict=True):
            found = int((outcome == FOUND).sum())
            present = found + int((outcome == MISSED).sum())
            labels = np.where(outcome == UNKNOWN, -1, outcome == FOUND)
            aps.append(100 * average_precision(score, labels, present))
            table.add_row([name, f'{aps[-1]:.2f}', found, present])
        print_log(f'{key}, at most {self.tolerance} pixels outside of a box:\n{table}', MMLogger.get_current_instance())
        return {key: float(np.round(np.nanmean(aps), 2)) if not np.isnan(aps).all() else float('nan')}
