"""PASCAL VOC with image-level labels."""

from mmengine import fileio

from mmwsl.annotations import ImageLabelRecord, read_voc_lists, read_voc_xml
from mmwsl.annotations.record import DIFFICULT, check_choice
from mmwsl.registry import DATASETS

from .classes import BACKGROUND, VOC6_CLASSES, VOC_CLASSES, voc_colormap
from .image_label import ImageLabelDataset
from .images import stem


@DATASETS.register_module()
class VOCWeakDataset(ImageLabelDataset):
    """PASCAL VOC: 20 classes and background, palette masks with the indices 0..20 and 255.

    ``label_file`` decides where the tags come from:

    - a file (``.csv``, ``.json``, ``.jsonl``): a table of tags;
    - a folder (``'Annotations'``): VOC's XML files, those of ``ann_file``'s images;
    - a folder (``'ImageSets/Main'``) with ``label_split``: VOC's classification lists.

    Args:
        ann_file (str): List of images, e.g. ``'ImageSets/Segmentation/train_aug.txt'``.
        label_file (str): The tags, as above.
        label_split (str, optional): Split of the classification lists, e.g. ``'trainval'``.
        difficult (str): For XML and lists, what a class is whose every object is flagged difficult: ``'present'``
            (the default: the mask has its pixels, and most public tag files count it), ``'unknown'`` or ``'absent'``.
        large_area (float, optional): For XML, add size tags from the boxes, see :func:`~mmwsl.annotations.read_voc_xml`.
        **kwargs: See :class:`ImageLabelDataset`.
    """

    METAINFO = dict(classes=VOC_CLASSES, palette=voc_colormap(len(VOC_CLASSES)))

    def __init__(
        self,
        ann_file: str = '',
        label_file: str = '',
        label_split: str | None = None,
        difficult: str = 'present',
        large_area: float | None = None,
        **kwargs,
    ) -> None:
        check_choice('difficult', difficult, DIFFICULT)
        self.label_split = label_split
        self.difficult = difficult
        self.large_area = large_area
        super().__init__(ann_file=ann_file, label_file=label_file, **kwargs)

    def read_records(self, names: list[str] | None) -> list[ImageLabelRecord] | None:
        """Read a table, XML files or classification lists."""
        if self.large_area is not None and not self._has_xml():
            raise ValueError(
                f'`large_area={self.large_area}` reads the boxes of XML files, but {self._tag_source()} '
                "has none: give label_file='Annotations', or a table with the columns `large` and "
                '`small`.'
            )
        if self.label_file and self.label_split is not None:
            foreground = [name for name in self._metainfo['classes'] if name != BACKGROUND]
            return read_voc_lists(self.label_file, self.label_split, foreground, self.difficult, self.backend_args)
        if self._has_xml():
            stems = None if names is None else [stem(name, self._suffixes()) for name in names]
            return read_voc_xml(self.label_file, stems, self.difficult, self.large_area, self.backend_args)
        return super().read_records(names)

    def _has_xml(self) -> bool:
        return bool(
            self.label_file
            and self.label_split is None
            and fileio.isdir(self.label_file, backend_args=self.backend_args)
        )


@DATASETS.register_module()
class VOC6WeakDataset(VOCWeakDataset):
    """Six classes of PASCAL VOC: cat, cow, dog, horse, person, sheep, and background.

    The masks are VOC's own, with the indices 0..20: pixels of the other 14 classes become 255 (ignored), and tags of
    those classes are dropped. It is a subset: its mIoU compares with no published 20-class number. It differs from
    ``VOCWeakDataset`` with ``metainfo=dict(classes=...)`` in its name alone.
    """

    METAINFO = dict(
        classes=VOC6_CLASSES, palette=[voc_colormap(len(VOC_CLASSES))[VOC_CLASSES.index(name)] for name in VOC6_CLASSES]
    )
    SEG_MAP_CLASSES = VOC_CLASSES
