"""Metrics that mmseg lacks."""

from .metrics import (
    BoundaryFMetric,
    ClassAccuracyMetric,
    ClassIoUMetric,
    ClassThresholdSearch,
    ImageAccuracyMetric,
    ImageLabelMetric,
    PointLocalizationMetric,
    ThresholdIoUMetric,
)

__all__ = [
    'BoundaryFMetric',
    'ClassAccuracyMetric',
    'ClassIoUMetric',
    'ClassThresholdSearch',
    'ImageAccuracyMetric',
    'ImageLabelMetric',
    'PointLocalizationMetric',
    'ThresholdIoUMetric',
]
