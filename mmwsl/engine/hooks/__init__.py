"""Hooks."""

from .input_visualization_hook import InputVisualizationHook
from .postprocessing_hook import PostProcessingHook
from .provenance_hook import ProvenanceHook, collect_provenance

__all__ = ['InputVisualizationHook', 'PostProcessingHook', 'ProvenanceHook', 'collect_provenance']
