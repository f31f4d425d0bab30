"""Models."""

from .aggregators import (
    AttentionPooling,
    GeMPooling,
    GlobalWeightedRankPooling,
    LSEPooling,
    MaxPooling,
    MeanPooling,
    NoisyOrPooling,
    SoftPooling,
    TopKPooling,
    WELDONPooling,
    WILDCATPooling,
)
from .backbones import CachedBackbone, DilatedMobileNetV2, OverFeat, PlainCNN
from .background import ConstantBackground, LearnedBackground, PowerBackground
from .decode_heads import LSEAggregationHead
from .dense import ReceptiveField, dense_scores, receptive_field, to_dense
from .losses import SoftMarginLoss, SoftmaxLikelihoodLoss
from .segmentors import WeakEncoderDecoder, WeakSegTTAModel

__all__ = [
    'AttentionPooling', 'CachedBackbone', 'ConstantBackground', 'DilatedMobileNetV2', 'GeMPooling',
    'GlobalWeightedRankPooling', 'LSEAggregationHead', 'LSEPooling', 'LearnedBackground', 'MaxPooling',
    'MeanPooling', 'NoisyOrPooling', 'OverFeat', 'PlainCNN', 'PowerBackground', 'ReceptiveField', 'SoftMarginLoss',
    'SoftPooling', 'SoftmaxLikelihoodLoss', 'TopKPooling', 'WELDONPooling', 'WILDCATPooling', 'WeakEncoderDecoder',
    'WeakSegTTAModel', 'dense_scores', 'receptive_field', 'to_dense'
]
