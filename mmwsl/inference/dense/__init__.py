"""Exact dense inference."""

from .conversion import convert_to_dense
from .float64 import Float64
from .inference import DenseInference, ScoreNetwork
from .receptive_field import ReceptiveField
from .tiling import dense_scores
from .tracing import Fields, receptive_field, trace

__all__ = [
    'DenseInference',
    'Fields',
    'Float64',
    'ReceptiveField',
    'ScoreNetwork',
    'dense_scores',
    'receptive_field',
    'convert_to_dense',
    'trace',
]
