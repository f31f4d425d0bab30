"""Transforms that mmcv and mmseg lack."""

from .cropping import RandomCentralCrop
from .formatting import PackImageLabelInputs, PackPriorInputs, image_label_score
from .ignore_border_background import IgnoreBorderBackground
from .loading import LoadImageAsBGR, decode_bgr
from .maps import KeepImage, LoadObjectness, LoadSuperpixels
from .mirror_border import MirrorBorder
from .objectness import ComputeObjectness
from .shapes import GenerateShapes, GenerateShapesMask
from .superpixels import ComputeSuperpixels

__all__ = [
    'ComputeObjectness', 'ComputeSuperpixels', 'GenerateShapes', 'GenerateShapesMask', 'IgnoreBorderBackground',
    'KeepImage', 'LoadImageAsBGR', 'LoadObjectness', 'LoadSuperpixels', 'MirrorBorder', 'PackImageLabelInputs',
    'PackPriorInputs', 'RandomCentralCrop', 'decode_bgr', 'image_label_score'
]
