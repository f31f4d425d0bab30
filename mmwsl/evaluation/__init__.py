"""Evaluation."""

from .metrics import ClassThresholdMetric, ImageLabelMetric, ThresholdIoUMetric

__all__ = ['ClassThresholdMetric', 'ImageLabelMetric', 'ThresholdIoUMetric']
