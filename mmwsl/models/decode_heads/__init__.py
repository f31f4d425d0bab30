"""Decode heads."""

from .box_aggregation_head import BoxAggregationHead
from .deconvnet_head import DeconvNetHead
from .deeplabv2_head import DeepLabV2Head
from .fcn_skip_head import FCNSkipHead
from .fcn_upscore_head import FCNUpscoreHead
from .lse_aggregation_head import LSEAggregationHead
from .pyramid_aggregation_head import PyramidAggregationHead
from .recam_head import ReCAMHead
from .seam_head import SEAMHead
from .text_similarity_head import TextSimilarityHead

__all__ = [
    'DeepLabV2Head',
    'BoxAggregationHead',
    'DeconvNetHead',
    'FCNSkipHead',
    'FCNUpscoreHead',
    'LSEAggregationHead',
    'PyramidAggregationHead',
    'ReCAMHead',
    'SEAMHead',
    'TextSimilarityHead',
]
