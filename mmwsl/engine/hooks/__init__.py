"""Hooks of the runner."""

from .feature_cache_hook import FeatureCacheHook
from .main_process_logger_hook import MainProcessLoggerHook
from .mask_writer_hook import MaskWriterHook
from .postprocessing_hook import PostProcessingHook
from .provenance_hook import ProvenanceHook, collect_provenance
from .weak_seg_visualization_hook import WeakSegVisualizationHook
from .weights_only_checkpoint_hook import WeightsOnlyCheckpointHook

__all__ = [
    'FeatureCacheHook',
    'MainProcessLoggerHook',
    'MaskWriterHook',
    'PostProcessingHook',
    'ProvenanceHook',
    'WeakSegVisualizationHook',
    'WeightsOnlyCheckpointHook',
    'collect_provenance',
]
