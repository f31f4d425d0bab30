"""Aggregators: one score per class from a map of scores."""

from .probabilistic import GeMPooling, NoisyOrPooling
from .ranked import GlobalWeightedRankPooling, TopKPooling, WELDONPooling, WILDCATPooling
from .smooth import GlobalAveragePooling, GlobalMaxPooling, LSEPooling
from .weighted import AttentionPooling, SoftmaxPooling

__all__ = [
    'AttentionPooling',
    'GeMPooling',
    'GlobalWeightedRankPooling',
    'LSEPooling',
    'GlobalMaxPooling',
    'GlobalAveragePooling',
    'NoisyOrPooling',
    'SoftmaxPooling',
    'TopKPooling',
    'WELDONPooling',
    'WILDCATPooling',
]
