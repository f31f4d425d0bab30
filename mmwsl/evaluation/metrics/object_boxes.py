"""Base class of the metrics that compare predictions with boxes of objects."""

from pathlib import Path
from typing import Any

from mmengine import fileio

from ...annotations import ObjectBox, coco_boxes, mask_boxes, voc_boxes
from ...utils.sample_fields import AGGREGATING_HEAD, LOAD_ANNOTATIONS, WEAK_SEGMENTOR
from .base import PerImageMetric


class ObjectBoxMetric(PerImageMetric):
    """Base class of metrics whose ground truth is the boxes of the objects of an image.

    Subclasses read them with :meth:`read_boxes`. Without ``annotations``, each connected component of ``gt_sem_seg``
    gives a box. These boxes differ from annotated boxes where objects touch or occlude each other: the names of such
    results end with ``suffix``.

    Args:
        annotations: Folder of VOC XML files, ``{stem of the image}.xml``, or a COCO file ``instances_*.json``, whose
            images and categories are matched by name.
        min_area: Smallest area of a component of ``gt_sem_seg``, as a fraction of the image. Set 0.001 to drop the
            remains of objects that others cover. Must be 0 with ``annotations``.
        backend_args: See :mod:`mmengine.fileio`.
        **kwargs: Passed to :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        FileNotFoundError: If ``annotations`` does not exist; in evaluation, if an image has no XML file.
        KeyError: In evaluation, if a data sample lacks a field or the JSON file lacks an image.
        ValueError: If ``min_area`` or an annotation file is invalid; in evaluation, if a mask or a box does not fit the
            size of the image.
    """

    def __init__(
        self,
        annotations: str | None = None,
        min_area: float = 0.0,
        backend_args: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        name = type(self).__name__
        if not 0 <= min_area < 1 or (min_area and annotations is not None):
            raise ValueError(
                f'{name}: `min_area` must be in [0, 1), and 0 with `annotations`, got {min_area!r} and '
                f'{annotations!r}. It selects components of masks: remove one of them.'
            )
        self.annotations = annotations
        self.min_area = min_area
        self.backend_args = backend_args
        self.suffix = '_from_masks' if annotations is None else ''
        self.required_fields = dict(pred_label=AGGREGATING_HEAD, pred_scores=WEAK_SEGMENTOR) | (
            dict(gt_sem_seg=f'{LOAD_ANNOTATIONS}, or set `annotations`')
            if annotations is None
            else dict(img_path='it to `meta_keys` of the packing transform')
        )
        self.coco_boxes = None
        if annotations is not None and not fileio.isdir(annotations, backend_args=backend_args):
            if not fileio.exists(annotations, backend_args=backend_args):
                raise FileNotFoundError(
                    f'{name}: `annotations` must be a folder of XML files or an `instances_*.json`, '
                    f'got {str(annotations)!r}, which does not exist. Correct the path.'
                )
            self.coco_boxes = coco_boxes(annotations, backend_args)

    def read_boxes(self, sample: dict[str, Any]) -> list[ObjectBox]:
        """Read the boxes of an image, in pixels of ``pred_scores``."""
        height, width = sample['pred_scores']['data'].shape[1:]
        if self.annotations is None:
            mask = self.ground_truth(sample, 'pred_scores').cpu().numpy()
            return mask_boxes(mask, self.dataset_meta['classes'], self.min_area)
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
