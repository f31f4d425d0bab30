"""Hooks."""

from .postprocessing_hook import PostProcessingHook

__all__ = ['PostProcessingHook']
