"""Backbones."""

from .cached_backbone import CachedBackbone
from .caffenet import CaffeNet
from .cascaded_resnet import CascadedResNet
from .class_token_transformer import ClassTokenTransformer
from .dilated_mobilenet_v2 import DilatedMobileNetV2
from .dilated_timm_backbone import DilatedTIMMBackbone
from .efficientnet_lite import DilatedEfficientNetLite
from .googlenet import GoogLeNet
from .overfeat import OverFeat
from .plain_cnn import PlainCNN
from .proxy_attention_backbone import ProxyAttentionBackbone
from .region_attention_backbone import RegionAttentionBackbone
from .scale_pyramid import ScalePyramid
from .transformer_backbone import TransformerBackbone, TransformerTokens
from .valid_unet import ValidUNet
from .vgg16 import VGG16

__all__ = [
    'CachedBackbone',
    'CaffeNet',
    'CascadedResNet',
    'ClassTokenTransformer',
    'DilatedEfficientNetLite',
    'DilatedMobileNetV2',
    'DilatedTIMMBackbone',
    'GoogLeNet',
    'OverFeat',
    'PlainCNN',
    'ProxyAttentionBackbone',
    'RegionAttentionBackbone',
    'ScalePyramid',
    'TransformerBackbone',
    'TransformerTokens',
    'VGG16',
    'ValidUNet',
]
