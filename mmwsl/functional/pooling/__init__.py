"""Aggregation of a score map into one score per class.

Every function maps ``scores (N, K, H, W)`` to ``(N, K)``. ``valid (N, H, W)`` marks the locations that belong to the
image, so that padding is ignored. Half precision is computed and returned in float32, because ``exp`` of a score of
100 overflows float16 and loses whole units in bfloat16.
"""

from .locations import valid_locations
from .probabilistic import gem_pool, noisy_or_pool
from .ranked import class_wise_pool, global_weighted_rank_pool, top_k_pool, weldon_pool, wildcat_pool
from .smooth import global_average_pool, global_max_pool, global_sum_pool, lse_pool
from .weighted import attention_pool, softmax_pool

__all__ = [
    'attention_pool',
    'class_wise_pool',
    'gem_pool',
    'global_average_pool',
    'global_max_pool',
    'global_sum_pool',
    'global_weighted_rank_pool',
    'lse_pool',
    'noisy_or_pool',
    'softmax_pool',
    'top_k_pool',
    'valid_locations',
    'weldon_pool',
    'wildcat_pool',
]
