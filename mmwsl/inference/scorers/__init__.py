"""Scorers: from the network to scores at every pixel."""

from .base import Scorer
from .dense_scorer import DenseScorer
from .multi_scale_scorer import MultiScaleScorer
from .overlap_tile_scorer import OverlapTileScorer
from .sliding_window_scorer import SlidingWindowScorer
from .whole_scorer import WholeScorer

__all__ = ['DenseScorer', 'MultiScaleScorer', 'OverlapTileScorer', 'Scorer', 'SlidingWindowScorer', 'WholeScorer']
