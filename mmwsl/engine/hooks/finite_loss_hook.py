"""Hook that stops a training whose loss or weights are not finite."""

from pathlib import Path

import torch
from mmengine.hooks import Hook, LoggerHook
from mmengine.runner import Runner

from ...registry import HOOKS


class NonFiniteError(RuntimeError):
    """Error of a network that diverged: a loss, a weight or a score is NaN or infinite."""


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Hook that stops a training at a loss that is NaN or infinite, before a checkpoint of its weights is written.

    The losses remain on their device: they are read once per logging interval, so that a GPU does not wait for them.
    A checkpoint is written only if all losses so far and all its weights are finite.
    """

    priority = 'ABOVE_NORMAL'  # before LoggerHook and CheckpointHook

    def __init__(self) -> None:
        self.interval = 10
        self._first: torch.Tensor | None = None
        self._iteration = 0

    def before_train(self, runner: Runner) -> None:
        """Take the interval of the log."""
        self._first = None
        self.interval = min((hook.interval for hook in runner.hooks if isinstance(hook, LoggerHook)), default=10)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Note the iteration of the first loss that is not finite, and read it once per interval."""
        self._iteration = runner.iter + 1
        loss = (outputs or {}).get('loss')
        if isinstance(loss, torch.Tensor):
            found = torch.where(loss.detach().isfinite().all(), torch.inf, float(self._iteration))
            self._first = found if self._first is None else torch.minimum(self._first, found)
        if self.every_n_train_iters(runner, self.interval):
            self._check_loss(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """Read the losses of the last iterations, before the validation."""
        self._check_loss(runner)

    def after_train(self, runner: Runner) -> None:
        """Read the losses of the last iterations."""
        self._check_loss(runner)

    def before_val(self, runner: Runner) -> None:
        """Read the losses of the last iterations."""
        self._check_loss(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check the losses, and the weights that are about to be written.

        Raises:
            NonFiniteError: If one is not finite.
        """
        self._check_loss(runner)
        bad = [name for name, value in checkpoint['state_dict'].items() if not value.isfinite().all()]
        if bad:
            what = f'{len(bad)} parameters must be finite, got NaN or infinity in {bad[0]}'
            self._stop(runner, self._iteration, what)

    def _check_loss(self, runner: Runner) -> None:
        if self._first is not None and (iteration := self._first.item()) < torch.inf:
            self._stop(runner, int(iteration), 'the loss must be finite, got NaN or infinity')

    def _stop(self, runner: Runner, iteration: int, what: str) -> None:
        note = Path(runner.work_dir, 'last_checkpoint')  # mmengine writes it after the checkpoint
        last = note.read_text().strip() if note.is_file() else ''
        kept = f'The last good checkpoint is {last}.' if last else 'No checkpoint was written before.'
        raise NonFiniteError(
            f'iteration {iteration}: {what}. {kept} Set a lower optim_wrapper.optimizer.lr, or limit the gradients '
            'with optim_wrapper.clip_grad.max_norm=1.'
        )
