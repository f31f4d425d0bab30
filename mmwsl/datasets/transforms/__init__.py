"""Transforms that mmcv and mmseg lack."""

from .cropping import RandomCentralCrop
from .formatting import PackImageLabelInputs, PackPriorInputs, image_label_score
from .loading import LoadImageAsBGR, decode_bgr
from .maps import KeepImage, LoadObjectness, LoadSuperpixels
from .objectness import ComputeObjectness
from .shapes import GenerateShapes, GenerateShapesMask
from .superpixels import ComputeSuperpixels

__all__ = [
    'ComputeObjectness',
    'ComputeSuperpixels',
    'GenerateShapes',
    'GenerateShapesMask',
    'KeepImage',
    'LoadImageAsBGR',
    'LoadObjectness',
    'LoadSuperpixels',
    'PackImageLabelInputs',
    'PackPriorInputs',
    'RandomCentralCrop',
    'decode_bgr',
    'image_label_score',
]
