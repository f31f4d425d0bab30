"""Datasets with image-level labels."""

from .coco import COCOWeakDataset
from .folder import FolderWeakDataset
from .image_label import ImageLabelDataset
from .shapes import ShapesDataset
from .voc import VOC6WeakDataset, VOCWeakDataset

__all__ = [
    'COCOWeakDataset',
    'FolderWeakDataset',
    'ImageLabelDataset',
    'ShapesDataset',
    'VOC6WeakDataset',
    'VOCWeakDataset',
]
