"""Hook that completes what an interruption of a training may have cut off."""

from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from ...registry import HOOKS
from ...utils.files import atomic_write


@HOOKS.register_module()
class ResumedTrainingHook(Hook):
    """Hook that completes the last checkpoint of a resumed training before the first iteration.

    mmengine writes a checkpoint, then its path to ``last_checkpoint``, and then it validates, if a validation is due.
    A resumed training continues after that: if it was killed in between, the path would be empty, and there would be no
    metrics, or another best checkpoint.
    """

    priority = 'LOWEST'  # after the other hooks are prepared

    def before_train(self, runner: Runner) -> None:
        """Write the path and validate."""
        loop, val_loop = runner.train_loop, runner.val_loop
        by_epoch = isinstance(loop, EpochBasedTrainLoop)
        step, last = (loop.epoch, loop.max_epochs) if by_epoch else (loop.iter, loop.max_iters)
        if not runner._resume or not step:
            return
        if step >= last:
            text = f'--resume: {runner._load_from} has {step} of {last} {"epochs" if by_epoch else "iterations"}'
            runner.logger.warning(f'{text}: nothing is trained. Set a longer `train_cfg` to continue.')
        if is_main_process():
            with atomic_write(Path(runner.work_dir, 'last_checkpoint')) as file:
                file.write(str(Path(runner._load_from).absolute()).encode())
        if val_loop is not None and step >= loop.val_begin and (step % loop.val_interval == 0 or step == last):
            val_loop.run()
