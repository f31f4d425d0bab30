"""Decode heads."""

from .lse_aggregation_head import LSEAggregationHead

__all__ = ['LSEAggregationHead']
