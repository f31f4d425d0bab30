"""Metrics that mmseg lacks."""

from .image_label_metric import ImageLabelMetric
from .threshold_iou_metric import ThresholdIoUMetric

__all__ = ['ImageLabelMetric', 'ThresholdIoUMetric']
