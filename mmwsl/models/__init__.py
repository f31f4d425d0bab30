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
from .backbones import VGG16, CachedBackbone, DilatedMobileNetV2, OverFeat, PlainCNN
from .background import ConstantBackground, LearnedBackground, PowerBackground
from .decode_heads import AtrousSumHead, BoxAggregationHead, DeconvNetHead, FCNSkipHead, LSEAggregationHead
from .dense import Float64, ReceptiveField, dense_scores, receptive_field, to_dense
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
from .segmentors import PostprocessedEncoderDecoder, ProposalCascade, WeakEncoderDecoder, WeakSegTTAModel
from .zoom_out import ZoomOutFeatures

__all__ = [
    'AreaConstrainedLoss', 'AsymmetricLoss', 'AtrousSumHead', 'AttentionPooling', 'AveragePrecisionLoss',
    'BestCellLoss', 'BootstrappedCrossEntropyLoss', 'BoxAggregationHead', 'CachedBackbone', 'ConstantBackground',
    'DeconvNetHead', 'DilatedMobileNetV2', 'DistinctClassSaliency', 'EMAdaptLoss', 'EMFixedLoss', 'FCNSkipHead',
    'Float64', 'GeMPooling', 'GeneralizedCrossEntropyLoss', 'GlobalWeightedRankPooling', 'GuidedBackpropSaliency',
    'LSEAggregationHead', 'LSEPooling', 'LearnedBackground', 'MaskLikelihoodLoss', 'MaxPooling', 'MeanPooling',
    'MultiLabelFocalLoss', 'NoisyOrPooling', 'OverFeat', 'PlainCNN', 'PostprocessedEncoderDecoder', 'PowerBackground',
    'ProposalCascade', 'ReceptiveField', 'SoftMarginLoss', 'SoftPooling', 'SoftmaxLikelihoodLoss',
    'SymmetricCrossEntropyLoss', 'TopKPooling', 'VGG16', 'WELDONPooling', 'WILDCATPooling', 'WeakEncoderDecoder',
    'WeakSegTTAModel', 'ZoomOutFeatures', 'dense_scores', 'receptive_field', 'to_dense'
]
