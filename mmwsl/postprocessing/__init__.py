"""Post-processing steps, combined by config into a chain."""

from .base import PostProcessor, build_chain
from .image_level_prior import ImageLevelPrior

__all__ = ['ImageLevelPrior', 'PostProcessor', 'build_chain']
