"""Hook that repeats the validation that an interruption may have cut off."""

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from ...registry import HOOKS


@HOOKS.register_module()
class ResumedValidationHook(Hook):
    """Hook that validates before the first iteration of a resumed training, if a validation is due there.

    A checkpoint is written before the validation of the same epoch or iteration, and mmengine continues after it: a
    training that was killed while it validated would have no metrics, or another best checkpoint.
    """

    priority = 'LOWEST'  # after the other hooks are prepared

    def before_train(self, runner: Runner) -> None:
        """Validate."""
        loop, val_loop = runner.train_loop, runner.val_loop
        by_epoch = isinstance(loop, EpochBasedTrainLoop)
        step, last = (loop.epoch, loop.max_epochs) if by_epoch else (loop.iter, loop.max_iters)
        if val_loop is None or not step or step < loop.val_begin:
            return
        if step % loop.val_interval == 0 or step == last:
            val_loop.run()
