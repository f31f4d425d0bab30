"""Models."""

from .aggregators import LSEPooling, MaxPooling, MeanPooling
from .backbones import CachedBackbone, DilatedMobileNetV2, OverFeat, PlainCNN
from .background import ConstantBackground, LearnedBackground, PowerBackground
from .decode_heads import LSEAggregationHead
from .dense import ReceptiveField, dense_scores, receptive_field, to_dense
from .losses import SoftMarginLoss, SoftmaxLikelihoodLoss
from .segmentors import WeakEncoderDecoder, WeakSegTTAModel

__all__ = [
    'CachedBackbone', 'ConstantBackground', 'DilatedMobileNetV2', 'LSEAggregationHead', 'LSEPooling',
    'LearnedBackground', 'MaxPooling', 'MeanPooling', 'OverFeat', 'PlainCNN', 'PowerBackground', 'ReceptiveField',
    'SoftMarginLoss', 'SoftmaxLikelihoodLoss', 'WeakEncoderDecoder', 'WeakSegTTAModel', 'dense_scores',
    'receptive_field', 'to_dense'
]
