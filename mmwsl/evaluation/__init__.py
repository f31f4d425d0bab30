"""Evaluation."""

from .metrics import (
    BoundaryFMetric,
    ClassThresholdMetric,
    ImageLabelMetric,
    PointLocalizationMetric,
    ThresholdIoUMetric,
)

__all__ = [
    'BoundaryFMetric', 'ClassThresholdMetric', 'ImageLabelMetric', 'PointLocalizationMetric', 'ThresholdIoUMetric'
]
