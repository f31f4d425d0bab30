"""Evaluation."""

from .metrics import (
    BoundaryFMetric,
    ClassIoUMetric,
    ClassThresholdMetric,
    ImageLabelMetric,
    PointLocalizationMetric,
    ThresholdIoUMetric,
)

__all__ = [
    'BoundaryFMetric',
    'ClassIoUMetric',
    'ClassThresholdMetric',
    'ImageLabelMetric',
    'PointLocalizationMetric',
    'ThresholdIoUMetric',
]
