"""Data sets whose training labels are tags."""

from .coco import COCOWeakDataset
from .folder import FolderWeakDataset
from .image_label import ImageLabelDataset
from .voc import VOC6Dataset, VOCWeakDataset

__all__ = ['COCOWeakDataset', 'FolderWeakDataset', 'ImageLabelDataset', 'VOC6Dataset', 'VOCWeakDataset']
