"""Metrics that mmseg lacks."""

from .metrics import (
    BoundaryFMetric,
    BoxLocalizationMetric,
    ClassIoUMetric,
    ClassThresholdSearch,
    ImageLabelMetric,
    PointLocalizationMetric,
    ThresholdIoUMetric,
)

__all__ = [
    'BoundaryFMetric',
    'BoxLocalizationMetric',
    'ClassIoUMetric',
    'ClassThresholdSearch',
    'ImageLabelMetric',
    'PointLocalizationMetric',
    'ThresholdIoUMetric',
]
