"""Checkpoints that hold tensors and plain values only."""

from typing import Any

import numpy as np
from mmengine.hooks import CheckpointHook
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner

from ...registry import HOOKS

HISTORY = ('log_history', 'count_history', 'max_length')


@HOOKS.register_module()
class WeightsOnlyCheckpointHook(CheckpointHook):
    """``CheckpointHook`` whose files load with ``torch.load(..., weights_only=True)``, in any release of torch.

    The runner's own also hold numpy scalars, counters and the buffers of the log history, which torch does not read
    before 2.6, and later only where it is told to. Here those are plain values, and become buffers again when loaded.
    A training that is resumed with another hook goes on without the log history, and mmengine says so.
    """

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Write everything but the weights and the optimizer's state as plain values."""
        for name in ('meta', 'message_hub', 'param_schedulers'):
            if name in checkpoint:
                checkpoint[name] = as_plain(checkpoint[name])

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Make buffers of the log history."""
        scalars = checkpoint.get('message_hub', {}).get('log_scalars', {})
        for name, value in scalars.items():
            if isinstance(value, dict) and set(value) == set(HISTORY):
                scalars[name] = HistoryBuffer(**value)


def as_plain(value: Any) -> Any:
    """Replace numpy's values by numbers and lists, and log histories and kinds of dict by dicts, at any depth."""
    if isinstance(value, HistoryBuffer):
        logged, counts = value.data
        return dict(zip(HISTORY, (logged.tolist(), counts.tolist(), value.max_length), strict=True))
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, dict):
        return {key: as_plain(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(as_plain(item) for item in value)
    return value
