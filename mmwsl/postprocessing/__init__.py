"""Post-processing steps, combined by config into a chain."""

from .affinity_random_walk import AffinityRandomWalk
from .average_of_chains import AverageOfChains
from .base import PostProcessor, build_chain, join_provenance, run_chain
from .class_thresholds import ClassThresholds
from .dense_crf import DenseCRF
from .image_level_prior import ImageLevelPrior
from .normalize_odds import NormalizeOdds
from .objectness_prior import ObjectnessPrior
from .pixel_adaptive_refinement import PixelAdaptiveRefinement
from .saliency import SaliencyPrior, SaliencyScores
from .superpixel_crf import SuperpixelCRF
from .superpixel_vote import SuperpixelVote
from .zoom_out_svm import ZoomOutSVM

__all__ = [
    'AffinityRandomWalk',
    'AverageOfChains',
    'ClassThresholds',
    'DenseCRF',
    'ImageLevelPrior',
    'NormalizeOdds',
    'ObjectnessPrior',
    'PixelAdaptiveRefinement',
    'PostProcessor',
    'SaliencyPrior',
    'SaliencyScores',
    'SuperpixelCRF',
    'SuperpixelVote',
    'ZoomOutSVM',
    'build_chain',
    'join_provenance',
    'run_chain',
]
