"""Datasets with image-level labels, and seeds of their random transforms."""

from mmwsl.utils.tar_backend import TarBackend

from .class_independent import ClassIndependentMasks
from .coco import COCOWeakDataset
from .curriculum import split_by_labels
from .folder import FolderWeakDataset
from .image_label import ImageLabelDataset
from .image_shards import ImageShards
from .seeded import Draw, SeededDataset, SeededInfiniteSampler, SeededSampler, random_numbers
from .shapes import ShapesDataset
from .voc import VOC6WeakDataset, VOCWeakDataset
from .voc_action import VOCActionDataset

__all__ = [
    'ClassIndependentMasks',
    'COCOWeakDataset',
    'Draw',
    'FolderWeakDataset',
    'ImageLabelDataset',
    'ImageShards',
    'SeededDataset',
    'SeededInfiniteSampler',
    'SeededSampler',
    'ShapesDataset',
    'TarBackend',
    'VOC6WeakDataset',
    'VOCActionDataset',
    'VOCWeakDataset',
    'random_numbers',
    'split_by_labels',
]
