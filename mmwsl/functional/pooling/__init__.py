"""Aggregation of a score map into one score per class.

Every function maps ``scores (N, K, H, W)`` to ``(N, K)``. ``valid (N, H, W)`` marks the cells that belong to the
picture: padding never takes part. Half precision input is computed and returned in float32, because ``exp`` of a
score of 100 overflows float16 and loses whole units in bfloat16.
"""

from .cells import valid_cells
from .probabilistic import gem_pool, noisy_or_pool
from .ranked import class_wise_mean, rank_pool, top_k_pool, weldon_pool, wildcat_pool
from .smooth import lse_pool, max_pool, mean_pool
from .weighted import attention_pool, soft_pool

__all__ = [
    'attention_pool',
    'class_wise_mean',
    'gem_pool',
    'lse_pool',
    'max_pool',
    'mean_pool',
    'noisy_or_pool',
    'rank_pool',
    'soft_pool',
    'top_k_pool',
    'valid_cells',
    'weldon_pool',
    'wildcat_pool',
]
