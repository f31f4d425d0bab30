"""Exact dense inference: the scores of a network with a stride, at every pixel."""

from .conversion import convert_to_dense, trace_with_stride
from .float64 import Float64
from .tiling import dense_scores
from .tracing import Fields, ReceptiveField, receptive_field, trace

__all__ = [
    'Fields',
    'Float64',
    'ReceptiveField',
    'convert_to_dense',
    'dense_scores',
    'receptive_field',
    'trace',
    'trace_with_stride',
]
