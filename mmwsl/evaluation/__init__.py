"""Evaluation."""

from .metrics import ClassThresholdMetric, ImageLabelMetric, PointLocalizationMetric, ThresholdIoUMetric

__all__ = ['ClassThresholdMetric', 'ImageLabelMetric', 'PointLocalizationMetric', 'ThresholdIoUMetric']
