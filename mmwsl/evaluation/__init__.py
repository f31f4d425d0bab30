"""Metrics that mmseg lacks."""

from .metrics import (
    BoundaryFMetric,
    BoxLocalizationMetric,
    ClassAccuracyMetric,
    ClassIoUMetric,
    ClassThresholdSearch,
    ImageAccuracyMetric,
    ImageLabelMetric,
    InstanceMaskMetric,
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
    'InstanceMaskMetric',
    'PointLocalizationMetric',
    'ThresholdIoUMetric',
]
