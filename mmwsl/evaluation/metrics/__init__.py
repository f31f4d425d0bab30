"""Metrics that mmseg lacks."""

from .boundary_f_metric import BoundaryFMetric
from .box_localization_metric import BoxLocalizationMetric
from .class_accuracy_metric import ClassAccuracyMetric
from .class_iou_metric import ClassIoUMetric
from .class_threshold_search import ClassThresholdSearch
from .image_accuracy_metric import ImageAccuracyMetric
from .image_label_metric import ImageLabelMetric
from .instance_mask_metric import InstanceMaskMetric
from .point_localization_metric import PointLocalizationMetric
from .threshold_iou_metric import ThresholdIoUMetric

__all__ = [
    'BoundaryFMetric',
    'BoxLocalizationMetric',
    'ClassAccuracyMetric',
    'ClassIoUMetric',
    'ClassThresholdSearch',
    'ImageAccuracyMetric',
    'ImageLabelMetric',
    'InstanceMaskMetric',
    'PointLocalizationMetric',
    'ThresholdIoUMetric',
]
