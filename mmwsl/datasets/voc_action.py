"""PASCAL VOC's action classification: one sample per person."""

import os.path as osp
from typing import Any

import numpy as np
from mmengine.fileio import join_path

from mmwsl.annotations import ImageLabelRecord, ObjectBox, read_voc_lists, voc_boxes
from mmwsl.annotations.label_table import LabelTable
from mmwsl.registry import DATASETS
from mmwsl.utils.images import stem

from .classes import VOC_ACTIONS, voc_colormap
from .image_label import ImageLabelDataset
from .matching import check_images


@DATASETS.register_module()
class VOCActionDataset(ImageLabelDataset):
    """PASCAL VOC 2012 Action: the ten actions of persons with a given box.

    Unlike its parent, it has one sample per person, several per image. A data info also holds ``box``, the first and
    last pixels of the person, counted from 0, ``(left, top, right, bottom)``: crop it with
    :class:`mmwsl.datasets.transforms.CropBox`, or leave the whole image.

    A person may do several actions, so the classes are independent. A person who does none of the ten ("other") is a
    negative of each.

    Args:
        label_file: Folder of the lists ``{action}_{split}.txt``.
        label_split: ``'train'``, ``'val'`` or ``'trainval'``.
        data_prefix: Folders ``img_path`` and ``ann_path``, of the XML files with the boxes.
        **kwargs: Passed to :class:`ImageLabelDataset`.

    Raises:
        FileNotFoundError: If a list, an image or an XML file is missing.
        ValueError: If the lists are inconsistent, or an XML file lacks a listed person.
    """

    METAINFO = dict(classes=VOC_ACTIONS, palette=voc_colormap(len(VOC_ACTIONS)))

    def __init__(
        self,
        label_file: str = 'ImageSets/Action',
        label_split: str = 'train',
        data_prefix: dict | None = None,
        **kwargs: Any,
    ) -> None:
        if kwargs.get('ann_file'):
            raise ValueError(
                f'VOCActionDataset: `ann_file` must be empty, got {kwargs["ann_file"]!r}. Set `label_split`, which '
                'selects the persons.'
            )
        self.label_split = label_split
        data_prefix = data_prefix or dict(img_path='JPEGImages', ann_path='Annotations')
        super().__init__(label_file=label_file, data_prefix=data_prefix, **kwargs)

    def read_records(self, names: list[str] | None) -> list[ImageLabelRecord]:
        """Read the action lists: one record per person, whose ``image`` is image and number, ``'2010_006135 2'``."""
        return read_voc_lists(
            self.label_file, self.label_split, self._metainfo['classes'][1:], 'unknown', self.backend_args, objects=True
        )

    def load_data_list(self) -> list[dict]:
        """Read the lists and the boxes. See the class for the keys."""
        records = self.read_records(None)
        persons = [record.image.split() for record in records]
        names = list(dict.fromkeys(name for name, _ in persons))
        index = self._list_images(names, None)
        places = dict(zip(names, index.find(names).tolist(), strict=True))
        found = np.array([*places.values()], np.int32)
        check_images(names, found, self.label_source, self.data_prefix['img_path'], self.suffixes)
        boxes = {name: self._read_boxes(index.files[place]) for name, place in places.items()}
        chosen = []
        for (name, number), record in zip(persons, records, strict=True):
            if not 0 < int(number) <= len(boxes[name]):
                raise ValueError(
                    f'{record.source}: the number of a person must be in [1, {len(boxes[name])}], the objects of the '
                    f'XML file of {name!r}, got {number}. Correct the list.'
                )
            chosen.append(boxes[name][int(number) - 1].box)
        of_persons = np.array([places[name] for name, _ in persons], np.int32)
        infos = self._pack(index, of_persons, LabelTable.of(records), np.arange(len(records)), self.label_source)
        return [dict(info, box=box) for info, box in zip(infos, chosen, strict=True)]

    def _read_boxes(self, file: str) -> list[ObjectBox]:
        name = f'{stem(osp.basename(file), self.suffixes)}.xml'
        return voc_boxes(join_path(self.data_prefix['ann_path'], name), self.backend_args)
