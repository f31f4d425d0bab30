"""Evaluation."""

from .metrics import ImageLabelMetric, ThresholdIoUMetric

__all__ = ['ImageLabelMetric', 'ThresholdIoUMetric']
