"""PASCAL VOC with image-level labels."""

from collections.abc import Sequence
from typing import Any

from mmengine import fileio

from mmwsl.annotations import ImageLabelRecord, read_voc_lists, read_voc_xml
from mmwsl.annotations.record import DIFFICULT
from mmwsl.registry import DATASETS
from mmwsl.utils.images import stem
from mmwsl.utils.text import check_choice

from .classes import BACKGROUND, VOC6_CLASSES, VOC_CLASSES, voc_colormap
from .image_label import ImageLabelDataset


@DATASETS.register_module()
class VOCWeakDataset(ImageLabelDataset):
    """PASCAL VOC: 20 classes and background, palette masks with the indices 0..20 and 255.

    ``label_file`` selects the source of the image-level labels:

    - a file (``.csv``, ``.json``, ``.jsonl``): a table;
    - a folder (``'Annotations'``): VOC's XML files of the images in ``ann_file``;
    - a folder (``'ImageSets/Main'``) with ``label_split``: VOC's classification lists.

    Args:
        ann_file: List of images, e.g. ``'ImageSets/Segmentation/train_aug.txt'``.
        label_file: The labels, as above.
        label_split: Split of the classification lists, e.g. ``'trainval'``.
        difficult: For XML and lists, label of a class that only has objects flagged difficult: ``'present'`` (the
            masks contain its pixels, and most public label files count it), ``'unknown'`` or ``'absent'``.
        large_area: For XML, adds size labels from the boxes, see :func:`~mmwsl.annotations.read_voc_xml`.
        **kwargs: Passed to :class:`ImageLabelDataset`.
    """

    METAINFO = dict(classes=VOC_CLASSES, palette=voc_colormap(len(VOC_CLASSES)))

    def __init__(
        self,
        ann_file: str = '',
        label_file: str = '',
        label_split: str | None = None,
        difficult: str = 'present',
        large_area: float | None = None,
        **kwargs: Any,
    ) -> None:
        check_choice('difficult', difficult, DIFFICULT)
        self.label_split = label_split
        self.difficult = difficult
        self.large_area = large_area
        super().__init__(ann_file=ann_file, label_file=label_file, **kwargs)

    def read_records(self, names: list[str] | None) -> Sequence[ImageLabelRecord] | None:
        """Read a table, XML files or classification lists."""
        is_folder = bool(self.label_file) and fileio.isdir(self.label_file, backend_args=self.backend_args)
        has_xml = is_folder and self.label_split is None
        if self.large_area is not None and not has_xml:
            raise ValueError(
                f'`large_area={self.large_area}` needs the boxes of XML files, got {self.label_source}. Set '
                "label_file='Annotations', or use a table with the columns `large` and `small`."
            )
        if self.label_file and self.label_split is not None:
            foreground = [name for name in self._metainfo['classes'] if name != BACKGROUND]
            return read_voc_lists(self.label_file, self.label_split, foreground, self.difficult, self.backend_args)
        if has_xml:
            stems = None if names is None else [stem(name, self.suffixes) for name in names]
            return read_voc_xml(self.label_file, stems, self.difficult, self.large_area, self.backend_args)
        return super().read_records(names)


@DATASETS.register_module()
class VOC6WeakDataset(VOCWeakDataset):
    """Six classes of PASCAL VOC: cat, cow, dog, horse, person, sheep, and background.

    The masks are VOC's own, with the indices 0..20: pixels of the other 14 classes become 255 (ignored), and labels of
    these classes are dropped. Its mIoU is not comparable to published results on all classes. It is
    ``VOCWeakDataset`` with ``metainfo=dict(classes=...)`` under its own name.
    """

    METAINFO = dict(
        classes=VOC6_CLASSES, palette=[voc_colormap(len(VOC_CLASSES))[VOC_CLASSES.index(name)] for name in VOC6_CLASSES]
    )
    SEG_MAP_CLASSES = VOC_CLASSES
