"""Backbones."""

from .cached_backbone import CachedBackbone
from .cascaded_resnet import CascadedResNet
from .dilated_mobilenet_v2 import DilatedMobileNetV2
from .efficientnet_lite import DilatedEfficientNetLite
from .overfeat import OverFeat
from .plain_cnn import PlainCNN
from .valid_unet import ValidUNet
from .vgg16 import VGG16

__all__ = [
    'CachedBackbone',
    'CascadedResNet',
    'DilatedEfficientNetLite',
    'DilatedMobileNetV2',
    'OverFeat',
    'PlainCNN',
    'VGG16',
    'ValidUNet',
]
