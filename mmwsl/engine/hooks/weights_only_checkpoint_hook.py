"""Hook that saves checkpoints of tensors and plain Python values only, and removes old ones after that."""

import hashlib
import json
from typing import Any

import numpy as np
from mmengine.dist import master_only
from mmengine.hooks import CheckpointHook
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner

from ... import __version__
from ...registry import HOOKS
from ...utils.nested import digest_files

HISTORY = ('log_history', 'count_history', 'max_length')


@HOOKS.register_module()
class WeightsOnlyCheckpointHook(CheckpointHook):
    """``CheckpointHook`` whose files load with ``torch.load(..., weights_only=True)`` in every release of torch.

    The parent also saves numpy scalars, counters and the buffers of the log history. torch before 2.6 cannot load
    them with ``weights_only=True``; later releases need a list of allowed types. This hook saves plain values and
    restores the buffers when it loads a checkpoint. With another hook, a resumed training has no log history, and
    mmengine logs a warning.

    ``meta`` also gets ``mmwsl_version``, ``config_digest``, the SHA-256 of the config, ``config_digests``, that of each
    of its keys, ``data_digests``, that of each file of labels that the training set names, and ``model``, its part of
    that name; mmengine stores the names and colors of the classes there, in
    ``dataset_meta``.

    An outdated checkpoint is removed when its successor is complete; the parent removes it before it writes.
    """

    def before_train(self, runner: Runner) -> None:
        """Prepare the parent, and read the files of the training set."""
        super().before_train(runner)
        self.data_digests = digest_files(runner.cfg.get('train_dataloader'))

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Store version and settings, and replace all except weights and optimizer state by plain values."""
        config = runner.cfg.to_dict()
        checkpoint.setdefault('meta', {}).update(
            mmwsl_version=__version__,
            config_digest=digest_value(config),
            config_digests={key: digest_value(value) for key, value in config.items()},
            data_digests=getattr(self, 'data_digests', {}),  # without a training there are none
            model=json.loads(json.dumps(config['model'], default=str)),
        )
        for name in ('meta', 'message_hub', 'param_schedulers'):
            if name in checkpoint:
                checkpoint[name] = as_plain(checkpoint[name])

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Restore the buffers of the log history."""
        scalars = checkpoint.get('message_hub', {}).get('log_scalars', {})
        for name, value in scalars.items():
            if isinstance(value, dict) and set(value) == set(HISTORY):
                scalars[name] = HistoryBuffer(**value)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        """Save a checkpoint, then remove the oldest one, which the parent would remove first."""
        outdated = None
        if (
            self.max_keep_ckpts > 0
            and step not in self.keep_ckpt_ids
            and len(self.keep_ckpt_ids) == self.max_keep_ckpts
        ):
            outdated = self.keep_ckpt_ids.popleft()
        super()._save_checkpoint_with_step(runner, step, meta)
        if outdated is not None:
            self._remove(self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(outdated)))

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        """Save the best checkpoint, then remove the one before."""
        if not self.save_best:
            return
        single, several = getattr(self, 'best_ckpt_path', None), dict(getattr(self, 'best_ckpt_path_dict', {}))
        self.best_ckpt_path, self.best_ckpt_path_dict = None, dict.fromkeys(several)  # hides them from the parent
        try:
            super()._save_best_checkpoint(runner, metrics)
        finally:
            found = [self.best_ckpt_path, *self.best_ckpt_path_dict.values()]
            self.best_ckpt_path = self.best_ckpt_path or single
            self.best_ckpt_path_dict |= {
                key: path for key, path in several.items() if not self.best_ckpt_path_dict[key]
            }
        kept = {self.best_ckpt_path, *self.best_ckpt_path_dict.values()}
        if any(found):
            for path in {single, *several.values()} - kept - {None}:
                self._remove(path)

    @master_only
    def _remove(self, path: str) -> None:
        """Remove a checkpoint; DeepSpeed's are folders."""
        if self.file_backend.isfile(path):
            self.file_backend.remove(path)
        elif self.file_backend.isdir(path):
            self.file_backend.rmtree(path)


def digest_value(value: object) -> str:
    """Return the SHA-256 of a nested value."""
    return hashlib.sha256(json.dumps(value, default=str, sort_keys=True).encode()).hexdigest()


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
