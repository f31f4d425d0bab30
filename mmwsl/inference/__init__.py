"""Inference: how the scores of a network become a mask."""

from .class_maps import (
    ClassActivationMaps,
    ClassMaps,
    DistinctClassSaliency,
    GuidedBackpropSaliency,
    Probabilities,
    ZoomOutMaps,
)
from .dense import Float64, ReceptiveField, convert_to_dense, dense_scores, receptive_field
from .known_image_labels import KnownImageLabels
from .pipeline import InferencePipeline
from .postprocessors import (
    AffinityRandomWalk,
    ClassThresholds,
    DenseCRF,
    ImageLevelPrior,
    LogitSoftmax,
    ObjectnessPrior,
    PixelAdaptiveRefinement,
    PostProcessor,
    PostProcessorEnsemble,
    SuperpixelCRF,
    SuperpixelVote,
)
from .provenance import TunedPart, join_provenance
from .scorers import DenseScorer, OverlapTileScorer, Scorer, SlidingWindowScorer, WholeScorer
from .segmentor import Segmentor

__all__ = [
    'AffinityRandomWalk',
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
    'KnownImageLabels',
    'LogitSoftmax',
    'ObjectnessPrior',
    'OverlapTileScorer',
    'PixelAdaptiveRefinement',
    'PostProcessor',
    'PostProcessorEnsemble',
    'Probabilities',
    'ReceptiveField',
    'Scorer',
    'Segmentor',
    'SlidingWindowScorer',
    'SuperpixelCRF',
    'SuperpixelVote',
    'TunedPart',
    'WholeScorer',
    'ZoomOutMaps',
    'convert_to_dense',
    'dense_scores',
    'join_provenance',
    'receptive_field',
]
