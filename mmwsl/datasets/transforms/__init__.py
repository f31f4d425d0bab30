"""Transforms that mmcv and mmseg lack."""

from .cropping import RandomCentralCrop
from .formatting import PackImageLabelInputs, image_label_score
from .loading import LoadImageAsBGR, decode_bgr
from .shapes import GenerateShapes, GenerateShapesMask

__all__ = ['GenerateShapes', 'GenerateShapesMask', 'LoadImageAsBGR', 'PackImageLabelInputs', 'RandomCentralCrop',
           'decode_bgr', 'image_label_score']
