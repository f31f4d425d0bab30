"""Metrics that mmseg lacks."""

from .metrics import (
    BoundaryFMetric,
    ClassIoUMetric,
    ClassThresholdSearch,
    ImageLabelMetric,
    PointLocalizationMetric,
    ThresholdIoUMetric,
)

__all__ = [
    'BoundaryFMetric',
    'ClassIoUMetric',
    'ClassThresholdSearch',
    'ImageLabelMetric',
    'PointLocalizationMetric',
    'ThresholdIoUMetric',
]
