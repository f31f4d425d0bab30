"""Aggregators: one score per class from a map of scores."""

from .probabilistic import GeMPooling, NoisyOrPooling
from .ranked import GlobalWeightedRankPooling, TopKPooling, WELDONPooling, WILDCATPooling
from .smooth import LSEPooling, MaxPooling, MeanPooling
from .weighted import AttentionPooling, SoftPooling

__all__ = [
    'AttentionPooling',
    'GeMPooling',
    'GlobalWeightedRankPooling',
    'LSEPooling',
    'MaxPooling',
    'MeanPooling',
    'NoisyOrPooling',
    'SoftPooling',
    'TopKPooling',
    'WELDONPooling',
    'WILDCATPooling',
]
