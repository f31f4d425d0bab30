"""COCO with image-level labels."""

from mmwsl.annotations import ImageLabelRecord, read_coco
from mmwsl.annotations.coco import CROWD
from mmwsl.annotations.record import check_choice
from mmwsl.registry import DATASETS

from .classes import COCO_CLASSES, voc_colormap
from .image_label import ImageLabelDataset


@DATASETS.register_module()
class COCOWeakDataset(ImageLabelDataset):
    """COCO: 80 classes and background.

    Masks, if given, are PNG files with the indices 0..80 in the order of COCO's categories, and 255. COCO's own
    category ids (1..90, with gaps) are not these: convert such masks.

    Args:
        ann_file (str): Optional list of images.
        label_file (str): ``instances_*.json``, or a table of tags (``.csv``, ``.jsonl``).
        crowd (str): What a class is whose every annotation is a crowd region: ``'present'``, ``'ignore'`` (absent)
            or ``'unknown'``. Defaults to 'present': the masks have its pixels.
        **kwargs: See :class:`ImageLabelDataset`.
    """

    METAINFO = dict(classes=COCO_CLASSES, palette=voc_colormap(len(COCO_CLASSES)))

    def __init__(self, ann_file: str = '', label_file: str = '', crowd: str = 'present', **kwargs) -> None:
        check_choice('crowd', crowd, CROWD)
        self.crowd = crowd
        super().__init__(ann_file=ann_file, label_file=label_file, **kwargs)

    def read_records(self, names: list[str] | None) -> list[ImageLabelRecord] | None:
        """Read COCO's instances, or a table."""
        if self.label_file.endswith('.json'):
            return read_coco(self.label_file, self.crowd, self.backend_args)
        return super().read_records(names)
