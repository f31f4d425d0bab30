"""Backbones."""

from .cached_backbone import CachedBackbone
from .dilated_mobilenet_v2 import DilatedMobileNetV2
from .overfeat import OverFeat

__all__ = ['CachedBackbone', 'DilatedMobileNetV2', 'OverFeat']
