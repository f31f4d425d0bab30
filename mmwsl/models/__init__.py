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
from .losses import (
    AreaConstrainedLoss,
    AsymmetricLoss,
    AveragePrecisionLoss,
    BestCellLoss,
    BootstrappedCrossEntropyLoss,
    EMAdaptLoss,
    EMFixedLoss,
    GeneralizedCrossEntropyLoss,
    MaskLikelihoodLoss,
    MultiLabelFocalLoss,
    SoftMarginLoss,
    SoftmaxLikelihoodLoss,
    SymmetricCrossEntropyLoss,
)
from .saliency import DistinctClassSaliency, GuidedBackpropSaliency
from .segmentors import WeakEncoderDecoder, WeakSegTTAModel

__all__ = [
    'AreaConstrainedLoss', 'AsymmetricLoss', 'AttentionPooling', 'AveragePrecisionLoss', 'BestCellLoss',
    'BootstrappedCrossEntropyLoss', 'CachedBackbone', 'ConstantBackground', 'DilatedMobileNetV2',
    'DistinctClassSaliency', 'EMAdaptLoss', 'EMFixedLoss', 'GeMPooling', 'GeneralizedCrossEntropyLoss',
    'GlobalWeightedRankPooling', 'GuidedBackpropSaliency', 'LSEAggregationHead', 'LSEPooling', 'LearnedBackground',
    'MaskLikelihoodLoss', 'MaxPooling', 'MeanPooling', 'MultiLabelFocalLoss', 'NoisyOrPooling', 'OverFeat', 'PlainCNN',
    'PowerBackground', 'ReceptiveField', 'SoftMarginLoss', 'SoftPooling', 'SoftmaxLikelihoodLoss',
    'SymmetricCrossEntropyLoss', 'TopKPooling', 'WELDONPooling', 'WILDCATPooling', 'WeakEncoderDecoder',
    'WeakSegTTAModel', 'dense_scores', 'receptive_field', 'to_dense'
]
