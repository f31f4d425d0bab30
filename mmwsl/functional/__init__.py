"""Pure tensor mathematics, on torch alone."""

from .background import constant_background, power_background
from .pooling import lse_pool, max_pool, mean_pool, valid_cells
from .priors import image_level_prior

__all__ = [
    'constant_background', 'image_level_prior', 'lse_pool', 'max_pool', 'mean_pool', 'power_background', 'valid_cells'
]
