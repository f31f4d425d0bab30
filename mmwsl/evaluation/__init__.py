"""Metrics that mmseg lacks."""

from .metrics import (
    BoundaryFMetric,
    BoxLocalizationMetric,
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
    'BoxLocalizationMetric',
    'ClassAccuracyMetric',
    'ClassIoUMetric',
    'ClassThresholdSearch',
    'ImageAccuracyMetric',
    'ImageLabelMetric',
    'PointLocalizationMetric',
    'ThresholdIoUMetric',
]
