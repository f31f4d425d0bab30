"""Transforms that mmcv and mmseg lack."""

from .cropping import CropBox, RandomCentralCrop
from .formatting import PackImageLabelInputs, PackSegInputsWithMaps, multi_hot_labels
from .loading import LoadImageAsBGR
from .maps import KeepOriginalImage, LoadObjectness, LoadSuperpixels
from .objectness import ComputeObjectness
from .shapes import RenderShapesImage, RenderShapesMask
from .superpixels import ComputeSuperpixels

__all__ = [
    'CropBox',
    'ComputeObjectness',
    'ComputeSuperpixels',
    'RenderShapesImage',
    'RenderShapesMask',
    'KeepOriginalImage',
    'LoadImageAsBGR',
    'LoadObjectness',
    'LoadSuperpixels',
    'PackImageLabelInputs',
    'PackSegInputsWithMaps',
    'RandomCentralCrop',
    'multi_hot_labels',
]
