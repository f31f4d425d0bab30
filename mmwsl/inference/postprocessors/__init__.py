"""Post-processing steps, combined by config into a chain."""

from .affinity_random_walk import AffinityRandomWalk
from .base import PostProcessor, apply_postprocessors, build_postprocessors, join_provenance
from .class_thresholds import ClassThresholds
from .dense_crf import DenseCRF
from .image_level_prior import ImageLevelPrior
from .logit_softmax import LogitSoftmax
from .objectness_prior import ObjectnessPrior
from .pixel_adaptive_refinement import PixelAdaptiveRefinement
from .postprocessor_ensemble import PostProcessorEnsemble
from .saliency import SaliencyPrior, SaliencyScores
from .superpixel_crf import SuperpixelCRF
from .superpixel_vote import SuperpixelVote
from .zoom_out_svm import ZoomOutSVM

__all__ = [
    'AffinityRandomWalk',
    'PostProcessorEnsemble',
    'ClassThresholds',
    'DenseCRF',
    'ImageLevelPrior',
    'LogitSoftmax',
    'ObjectnessPrior',
    'PixelAdaptiveRefinement',
    'PostProcessor',
    'SaliencyPrior',
    'SaliencyScores',
    'SuperpixelCRF',
    'SuperpixelVote',
    'ZoomOutSVM',
    'build_postprocessors',
    'join_provenance',
    'apply_postprocessors',
]
