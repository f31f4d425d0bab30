"""Exact dense inference: the scores of a network with a stride, at every pixel."""

from .conversion import convert_to_dense
from .inference import DenseInference, Float64, ScoreNetwork
from .tiling import dense_scores
from .tracing import Fields, ReceptiveField, receptive_field, trace

__all__ = [
    'DenseInference',
    'Fields',
    'Float64',
    'ReceptiveField',
    'ScoreNetwork',
    'convert_to_dense',
    'dense_scores',
    'receptive_field',
    'trace',
]
