"""Hooks of the runner."""

from .channels_last_hook import ChannelsLastHook
from .deferred_runtime_info_hook import DeferredRuntimeInfoHook
from .feature_cache_hook import FeatureCacheHook
from .finite_loss_hook import FiniteLossHook, NonFiniteError
from .finite_scores_hook import FiniteScoresHook, check_scores
from .main_process_logger_hook import MainProcessLoggerHook
from .mask_writer_hook import MaskWriterHook
from .mean_displacement_hook import MeanDisplacementHook
from .postprocessing_hook import PostProcessingHook
from .provenance_hook import ProvenanceHook, collect_provenance
from .repeatable_training_hook import RepeatableTrainingHook
from .resumed_training_hook import ResumedTrainingHook
from .weak_seg_visualization_hook import WeakSegVisualizationHook
from .weights_only_checkpoint_hook import WeightsOnlyCheckpointHook

__all__ = [
    'ChannelsLastHook',
    'DeferredRuntimeInfoHook',
    'FeatureCacheHook',
    'FiniteLossHook',
    'FiniteScoresHook',
    'MainProcessLoggerHook',
    'MaskWriterHook',
    'MeanDisplacementHook',
    'NonFiniteError',
    'PostProcessingHook',
    'ProvenanceHook',
    'RepeatableTrainingHook',
    'ResumedTrainingHook',
    'WeakSegVisualizationHook',
    'WeightsOnlyCheckpointHook',
    'check_scores',
    'collect_provenance',
]
