"""Decode heads."""

from .affinity_head import AffinityHead, PairwiseHead
from .box_aggregation_head import BoxAggregationHead
from .class_token_head import MCTformerHead
from .deconvnet_head import DeconvNetHead
from .deeplabv2_head import DeepLabV2Head
from .fcn_skip_head import FCNSkipHead
from .fcn_upscore_head import FCNUpscoreHead
from .inter_pixel_relation_head import InterPixelRelationHead
from .lse_aggregation_head import LSEAggregationHead
from .pyramid_aggregation_head import PyramidAggregationHead
from .recam_head import ReCAMHead
from .seam_head import SEAMHead
from .text_similarity_head import TextSimilarityHead
from .weaktr_head import AdaptiveAttentionFusion, WeakTrHead
from .weclip_head import WeCLIPHead

__all__ = [
    'AdaptiveAttentionFusion',
    'AffinityHead',
    'BoxAggregationHead',
    'DeconvNetHead',
    'DeepLabV2Head',
    'FCNSkipHead',
    'FCNUpscoreHead',
    'InterPixelRelationHead',
    'LSEAggregationHead',
    'MCTformerHead',
    'PairwiseHead',
    'PyramidAggregationHead',
    'ReCAMHead',
    'SEAMHead',
    'TextSimilarityHead',
    'WeakTrHead',
    'WeCLIPHead',
]
