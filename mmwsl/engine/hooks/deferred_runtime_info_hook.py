"""Hook that reads the losses of a training where they are needed, not in every iteration."""

from typing import Any

import torch
from mmengine.hooks import RuntimeInfoHook
from mmengine.runner import Runner
from torch import Tensor

from ...registry import HOOKS


@HOOKS.register_module()
class DeferredRuntimeInfoHook(RuntimeInfoHook):
    """``RuntimeInfoHook`` that reads what the model returns when another hook is due, all at once.

    The parent reads every loss in every iteration, and a GPU must finish its work for it each time. A hook is due where
    its ``interval`` ends, and every hook at the end of an epoch. In between, the message hub has the values up to the
    last one that was due. The history in it is that of the parent.
    """

    def __init__(self) -> None:
        self._pending: list[tuple[str, Any]] = []

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Keep the values, and read them if a hook is due."""
        for key, value in (outputs or {}).items():
            if isinstance(value, Tensor):
                value = value.detach().clone()  # a model may change it in its next step
            self._pending.append((f'train/{key}', value))
        # An interval in epochs is due at the end of an epoch.
        intervals = {getattr(hook, 'interval', None) for hook in runner.hooks if not getattr(hook, 'by_epoch', False)}
        if (
            any(
                self.every_n_train_iters(runner, interval) or self.every_n_inner_iters(batch_idx, interval)
                for interval in intervals
                if isinstance(interval, int)
            )
            or self.end_of_epoch(runner.train_dataloader, batch_idx)
            or self.is_last_train_iter(runner)
        ):
            self.flush(runner)

    def before_val(self, runner: Runner) -> None:
        """Read the values before the validation; see the parent."""
        self.flush(runner)
        super().before_val(runner)

    def flush(self, runner: Runner) -> None:
        """Write the values into the message hub."""
        tensors: dict[torch.device, list[Tensor]] = {}
        for _, value in self._pending:
            if isinstance(value, Tensor):
                tensors.setdefault(value.device, []).append(value.flatten().double())
        numbers = {device: iter(torch.cat(values).tolist()) for device, values in tensors.items()}
        for key, value in self._pending:
            runner.message_hub.update_scalar(key, next(numbers[value.device]) if isinstance(value, Tensor) else value)
        self._pending.clear()
