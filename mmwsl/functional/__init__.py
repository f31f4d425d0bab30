"""Pure tensor mathematics, on torch alone."""

from .background import constant_background, power_background
from .placement import interpolate_cells
from .pooling import lse_pool, max_pool, mean_pool, valid_cells
from .priors import class_thresholds, image_level_prior, objectness_prior
from .shift_and_stitch import shift_and_stitch
from .superpixels import superpixel_majority, superpixel_mean

__all__ = [
    'class_thresholds', 'constant_background', 'image_level_prior', 'interpolate_cells', 'lse_pool', 'max_pool',
    'mean_pool', 'objectness_prior', 'power_background', 'shift_and_stitch', 'superpixel_majority', 'superpixel_mean',
    'valid_cells'
]
