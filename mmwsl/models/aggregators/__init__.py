"""Aggregators, which pool a score map into one score per class."""

from .probabilistic import GeMPooling, NoisyOrPooling
from .ranked import GlobalWeightedRankPooling, TopKPooling, WELDONPooling, WILDCATPooling
from .smooth import GlobalAveragePooling, GlobalMaxPooling, GlobalSumPooling, LSEPooling
from .weighted import AttentionPooling, SoftmaxPooling

__all__ = [
    'AttentionPooling',
    'GeMPooling',
    'GlobalAveragePooling',
    'GlobalMaxPooling',
    'GlobalSumPooling',
    'GlobalWeightedRankPooling',
    'LSEPooling',
    'NoisyOrPooling',
    'SoftmaxPooling',
    'TopKPooling',
    'WELDONPooling',
    'WILDCATPooling',
]
