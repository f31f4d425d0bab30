"""COCO with image-level labels."""

from collections.abc import Sequence
from typing import Any

from mmwsl.annotations import ImageLabelRecord, read_coco
from mmwsl.annotations.coco import CROWD
from mmwsl.registry import DATASETS
from mmwsl.utils.text import check_choice

from .classes import COCO_CLASSES, voc_colormap
from .image_label import ImageLabelDataset


@DATASETS.register_module()
class COCOWeakDataset(ImageLabelDataset):
    """COCO: 80 classes and background.

    Mask files, if given, are PNG files with the indices 0..80 in the order of COCO's categories, and 255. Masks with
    COCO's own category ids (1..90, with gaps) must be converted first.

    Args:
        ann_file: Optional list of images.
        label_file: ``instances_*.json``, or a table of image-level labels (``.csv``, ``.jsonl``).
        crowd: Label of a class that only has crowd regions: ``'present'`` (the masks contain its pixels),
            ``'ignore'`` (absent) or ``'unknown'``.
        **kwargs: Passed to :class:`ImageLabelDataset`.
    """

    METAINFO = dict(classes=COCO_CLASSES, palette=voc_colormap(len(COCO_CLASSES)))

    def __init__(self, ann_file: str = '', label_file: str = '', crowd: str = 'present', **kwargs: Any) -> None:
        check_choice('crowd', crowd, CROWD)
        self.crowd = crowd
        super().__init__(ann_file=ann_file, label_file=label_file, **kwargs)

    def read_records(self, names: list[str] | None) -> Sequence[ImageLabelRecord] | None:
        """Read COCO's instances, or a table."""
        if self.label_file.endswith('.json'):
            return read_coco(self.label_file, self.crowd, self.backend_args)
        return super().read_records(names)
