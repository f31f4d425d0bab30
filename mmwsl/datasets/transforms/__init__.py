"""Transforms that mmcv and mmseg lack."""

from .cropping import CropBox, RandomCentralCrop
from .deformation import RandomElasticDeformation
from .empty_masks import IgnoreEmptyMasks
from .formatting import PackImageLabelInputs, PackSegInputsWithMaps, multi_hot_labels
from .invisible_labels import MarkInvisibleLabelsUnknown
from .loading import LoadImageAsBGR
from .maps import KeepOriginalImage, LoadConfidence, LoadObjectness, LoadSuperpixels
from .objectness import ComputeObjectness
from .regions import ComputeRegions, PartitionByProposals
from .saliency import CalibrateSaliency, ComputeSaliency
from .shapes import RenderShapesImage, RenderShapesMask
from .superpixels import ComputeSuperpixels
from .with_maps import TransformWithMaps

__all__ = [
    'CalibrateSaliency',
    'CropBox',
    'ComputeObjectness',
    'ComputeRegions',
    'ComputeSaliency',
    'ComputeSuperpixels',
    'IgnoreEmptyMasks',
    'RenderShapesImage',
    'RenderShapesMask',
    'KeepOriginalImage',
    'LoadImageAsBGR',
    'LoadConfidence',
    'LoadObjectness',
    'LoadSuperpixels',
    'MarkInvisibleLabelsUnknown',
    'PackImageLabelInputs',
    'PackSegInputsWithMaps',
    'PartitionByProposals',
    'RandomCentralCrop',
    'RandomElasticDeformation',
    'TransformWithMaps',
    'multi_hot_labels',
]
