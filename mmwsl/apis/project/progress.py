"""Progress of a runner on the terminal."""

from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmwsl.utils.console import Progress


class ProgressHook(Hook):
    """Hook that advances a progress bar: one step for a training iteration or a predicted batch.

    Args:
        bar: The progress bar.

    Attributes:
        metrics: Metrics of the last validation.
    """

    priority = 'LOWEST'

    def __init__(self, bar: Progress) -> None:
        self.bar = bar
        self.metrics: dict[str, float] = {}

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Count the iterations of an interrupted training before the first one."""
        if self.bar.done < runner.iter:
            self.bar.advance(runner.iter - self.bar.done)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Count an iteration and show its loss."""
        loss = (outputs or {}).get('loss')
        self.bar.advance(1, '' if loss is None else f'loss {loss.item():.3f}')

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Keep the metrics of the validation."""
        self.metrics = metrics or {}

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Count a batch."""
        self.bar.advance(1)
