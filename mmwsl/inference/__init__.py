"""Inference: how the scores of a network become a mask."""

from .affinity_network import AffinityNetwork
from .automatic_masks import AutomaticMaskRule, automatic_masks
from .class_maps import (
    BeamSearchBoxes,
    ClassActivationMaps,
    ClassMaps,
    CLIPESMaps,
    DistinctClassSaliency,
    GuidedBackpropSaliency,
    Probabilities,
    ZoomOutMaps,
)
from .dense import Float64, ReceptiveField, convert_to_dense, dense_scores, receptive_field
from .known_image_labels import KnownImageLabels
from .pipeline import InferencePipeline, find_segmentor
from .postprocessors import (
    AffinityRandomWalk,
    ClassThresholds,
    DenseCRF,
    ImageLevelPrior,
    LearnedAffinityWalk,
    LogitSoftmax,
    ObjectnessPrior,
    PixelAdaptiveRefinement,
    PostProcessor,
    PostProcessorEnsemble,
    PromptedRegionVote,
    RegionVote,
    SuperpixelCRF,
    SuperpixelVote,
)
from .scorers import DenseScorer, MultiScaleScorer, OverlapTileScorer, Scorer, SlidingWindowScorer, WholeScorer
from .segmentor import Segmentor
from .step import InferenceStep, join_provenance

__all__ = [
    'AffinityNetwork',
    'AffinityRandomWalk',
    'automatic_masks',
    'AutomaticMaskRule',
    'BeamSearchBoxes',
    'CLIPESMaps',
    'ClassActivationMaps',
    'ClassMaps',
    'ClassThresholds',
    'DenseCRF',
    'DenseScorer',
    'DistinctClassSaliency',
    'Float64',
    'GuidedBackpropSaliency',
    'ImageLevelPrior',
    'InferencePipeline',
    'InferenceStep',
    'KnownImageLabels',
    'LearnedAffinityWalk',
    'LogitSoftmax',
    'ObjectnessPrior',
    'MultiScaleScorer',
    'OverlapTileScorer',
    'PixelAdaptiveRefinement',
    'PostProcessor',
    'PostProcessorEnsemble',
    'Probabilities',
    'PromptedRegionVote',
    'ReceptiveField',
    'RegionVote',
    'Scorer',
    'Segmentor',
    'SlidingWindowScorer',
    'SuperpixelCRF',
    'SuperpixelVote',
    'WholeScorer',
    'ZoomOutMaps',
    'convert_to_dense',
    'dense_scores',
    'find_segmentor',
    'join_provenance',
    'receptive_field',
]
