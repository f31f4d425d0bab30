"""Exact dense inference."""

from .conversion import to_dense
from .inference import DenseInference, ScoreNetwork
from .receptive_field import ReceptiveField
from .tiling import dense_scores
from .tracing import Fields, receptive_field, trace

__all__ = [
    'DenseInference', 'Fields', 'ReceptiveField', 'ScoreNetwork', 'dense_scores', 'receptive_field', 'to_dense', 'trace'
]
