"""Hooks."""

from .input_visualization_hook import InputVisualizationHook
from .postprocessing_hook import PostProcessingHook

__all__ = ['InputVisualizationHook', 'PostProcessingHook']
