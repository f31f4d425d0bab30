"""Backbones."""

from .dilated_mobilenet_v2 import DilatedMobileNetV2
from .overfeat import OverFeat

__all__ = ['DilatedMobileNetV2', 'OverFeat']
