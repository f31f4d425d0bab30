"""Hooks."""

from .input_visualization_hook import InputVisualizationHook
from .main_process_logger_hook import MainProcessLoggerHook
from .postprocessing_hook import PostProcessingHook
from .provenance_hook import ProvenanceHook, collect_provenance
from .weights_only_checkpoint_hook import WeightsOnlyCheckpointHook

__all__ = [
    'InputVisualizationHook',
    'MainProcessLoggerHook',
    'PostProcessingHook',
    'ProvenanceHook',
    'WeightsOnlyCheckpointHook',
    'collect_provenance',
]
