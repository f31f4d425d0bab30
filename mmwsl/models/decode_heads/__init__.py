"""Decode heads."""

from .atrous_sum_head import AtrousSumHead
from .box_aggregation_head import BoxAggregationHead
from .deconvnet_head import DeconvNetHead
from .fcn_skip_head import FCNSkipHead
from .lse_aggregation_head import LSEAggregationHead

__all__ = ['AtrousSumHead', 'BoxAggregationHead', 'DeconvNetHead', 'FCNSkipHead', 'LSEAggregationHead']
