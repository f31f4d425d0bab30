"""Post-processors, which a config combines into a post-processing pipeline."""

from .affinity_random_walk import AffinityRandomWalk
from .base import PostProcessor, apply_postprocessors, build_postprocessors
from .class_thresholds import ClassThresholds
from .dense_crf import DenseCRF
from .image_level_prior import ImageLevelPrior
from .learned_affinity_walk import LearnedAffinityWalk
from .logit_softmax import LogitSoftmax
from .objectness_prior import ObjectnessPrior
from .pixel_adaptive_refinement import PixelAdaptiveRefinement
from .postprocessor_ensemble import PostProcessorEnsemble
from .prompted_region_vote import PromptedRegionVote
from .region_vote import RegionVote
from .superpixel_crf import SuperpixelCRF
from .superpixel_vote import SuperpixelVote

__all__ = [
    'AffinityRandomWalk',
    'ClassThresholds',
    'DenseCRF',
    'ImageLevelPrior',
    'LearnedAffinityWalk',
    'LogitSoftmax',
    'ObjectnessPrior',
    'PixelAdaptiveRefinement',
    'PostProcessor',
    'PostProcessorEnsemble',
    'PromptedRegionVote',
    'RegionVote',
    'SuperpixelCRF',
    'SuperpixelVote',
    'apply_postprocessors',
    'build_postprocessors',
]
