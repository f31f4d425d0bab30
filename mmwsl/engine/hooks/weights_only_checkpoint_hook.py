"""Hook that saves checkpoints of tensors and plain Python values only."""

import hashlib
import json
from typing import Any

import numpy as np
from mmengine.hooks import CheckpointHook
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner

from ... import __version__
from ...registry import HOOKS

HISTORY = ('log_history', 'count_history', 'max_length')


@HOOKS.register_module()
class WeightsOnlyCheckpointHook(CheckpointHook):
    """``CheckpointHook`` whose files load with ``torch.load(..., weights_only=True)`` in every release of torch.

    The parent also saves numpy scalars, counters and the buffers of the log history. torch before 2.6 cannot load
    them with ``weights_only=True``; later releases need a list of allowed types. This hook saves plain values and
    restores the buffers when it loads a checkpoint. With another hook, a resumed training has no log history, and
    mmengine logs a warning.

    ``meta`` also gets ``mmwsl_version``, ``config_digest``, the SHA-256 of the config, and ``model``, its part of that
    name; mmengine stores the names and colors of the classes there, in ``dataset_meta``.
    """

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Store version and settings, and replace all except weights and optimizer state by plain values."""
        config = json.dumps(runner.cfg.to_dict(), default=str, sort_keys=True)
        model = json.loads(json.dumps(runner.cfg.model.to_dict(), default=str))
        digest = hashlib.sha256(config.encode()).hexdigest()
        checkpoint.setdefault('meta', {}).update(mmwsl_version=__version__, config_digest=digest, model=model)
        for name in ('meta', 'message_hub', 'param_schedulers'):
            if name in checkpoint:
                checkpoint[name] = as_plain(checkpoint[name])

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Restore the buffers of the log history."""
        scalars = checkpoint.get('message_hub', {}).get('log_scalars', {})
        for name, value in scalars.items():
            if isinstance(value, dict) and set(value) == set(HISTORY):
                scalars[name] = HistoryBuffer(**value)


def as_plain(value: Any) -> Any:
    """Convert numpy values, log histories and subclasses of dict to plain Python values, at any depth."""
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
