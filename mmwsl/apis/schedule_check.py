"""Checks of a training before it starts: sampler, learning rate schedule, validation, checkpoints."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mmengine.dataset import InfiniteSampler
from mmengine.hooks import CheckpointHook
from mmengine.optim.scheduler import (
    ConstantParamScheduler,
    CosineAnnealingParamScheduler,
    LinearParamScheduler,
    OneCycleParamScheduler,
    PolyParamScheduler,
)
from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.registry import PARAM_SCHEDULERS
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner
from torch.utils.data import DataLoader, IterableDataset

from mmwsl.apis.registered import registered_class
from mmwsl.utils.console import log_warning

TOLERANCE = 0.1
"""Fraction of the training by which a schedule may end too early, with a warning, or too late."""

DECAYS = (PolyParamScheduler, CosineAnnealingParamScheduler, OneCycleParamScheduler, LinearParamScheduler)
NO_END = float('inf')
TRIAL = 10
"""Iterations below which a training is a trial that needs no schedule."""


def check_training(runner: Runner) -> None:
    """Reject a config whose training cannot end, or whose schedule does not fit the length of the training.

    Builds the training dataloader, whose length it needs. Train loops other than those of mmengine are not checked.

    Args:
        runner: Runner that has not started.

    Raises:
        ValueError: If the training cannot work; the message names the keys of the config, their values and the fix.
    """
    loop = runner.train_loop
    if not isinstance(loop, EpochBasedTrainLoop | IterBasedTrainLoop):
        return
    _check_length(loop)
    _check_sampler(loop)
    schedules = list(_learning_rate_schedules(runner.cfg.get('param_scheduler'), loop))
    for schedule in schedules:
        schedule.check()
    # The value of the schedule that ends last remains until the end of the training.
    if schedules and (last := max(schedules, key=lambda schedule: schedule.fraction)).decays:
        last.check_end()
    _check_results(runner)


@dataclass(frozen=True)
class Length:
    """Length of a training, in the unit of a schedule.

    Attributes:
        total: The length.
        unit: ``'epochs'`` or ``'iterations'``.
        text: The length in words.
    """

    total: int
    unit: str
    text: str


@dataclass(frozen=True)
class Schedule:
    """Learning rate schedule of a config.

    Attributes:
        key: Its key in the config, as ``--cfg-options`` takes it.
        cls: Its class.
        cfg: Its config.
        length: Length of the training.
    """

    key: str
    cls: type
    cfg: dict[str, Any]
    length: Length

    @property
    def begin(self) -> int:
        """Its first step."""
        return self.cfg.get('begin', 0)

    @property
    def end(self) -> float:
        """Its last step; infinite if it has none."""
        if 'end' in self.cfg:
            return self.cfg['end']
        steps = self.cfg.get('T_max') or self.cfg.get('total_steps')
        return self.begin + steps if steps else NO_END

    @property
    def fraction(self) -> float:
        """Its end, as a fraction of the training."""
        return self.end / self.length.total

    @property
    def warms_up(self) -> bool:
        """Whether it raises the learning rate."""
        if issubclass(self.cls, LinearParamScheduler):
            return self.cfg.get('start_factor', 1 / 3) < self.cfg.get('end_factor', 1.0)
        return issubclass(self.cls, ConstantParamScheduler) and self.cfg.get('factor', 1 / 3) < 1

    @property
    def decays(self) -> bool:
        """Whether it lowers the learning rate from its begin to its end."""
        return issubclass(self.cls, DECAYS) and not self.warms_up

    def check(self) -> None:
        """Reject a schedule that never acts, and a warm-up that does not fit."""
        total, unit = self.length.total, self.length.unit
        milestones = self.cfg.get('milestones', ())
        if isinstance(milestones, str) or not all(isinstance(step, int) for step in milestones):
            raise ValueError(f'`{self.key}.milestones` must be a list of integers, got {milestones!r}.')
        if self.begin >= self.end:
            raise ValueError(
                f'`{self.key}.begin` must be less than `{self.key}.end`={self.end}, got {self.begin}. Set one of them.'
            )
        if self.begin >= total:
            raise ValueError(
                f'`{self.key}.begin` must be less than the length of the training, {self.length.text}, got '
                f'{self.begin} {unit}: the schedule would never act. {self._fix("begin", total // 10)}'
            )
        steps = [*milestones, *filter(None, [self.cfg.get('step_size')])]
        if late := [step for step in steps if self.begin + step >= total]:
            name = 'milestones' if milestones else 'step_size'
            raise ValueError(
                f'`{self.key}.{name}` must be less than the length of the training'
                + (f' from {self.begin} on' if self.begin else '')
                + f', {self.length.text}, got {late[0]} {unit}: the schedule would never act. '
                + self._fix(name, f'[{total // 2}]' if milestones else max(total // 2, 1))
            )
        if self.warms_up and self.end >= total:
            raise ValueError(
                f'`{self.key}.end` must be less than the length of the training, {self.length.text}, got '
                f'{self._end_text()}: the learning rate would never be reached. {self._fix("end", total // 10 + 1)}'
            )

    def check_end(self) -> None:
        """Reject a decay that ends long before or after the training."""
        early = self.fraction < 1 - TOLERANCE
        if early or (self.length.total - self.begin) / (self.end - self.begin) < 1 - TOLERANCE:
            effect = 'the learning rate would stay at its minimum' if early else 'the learning rate would stay high'
            raise ValueError(
                f'`{self.key}.end` must be the length of the training, {self.length.text}, got {self._end_text()}: '
                f'{effect}. {self._fix("end", self.length.total)}'
            )
        if self.fraction < 1:
            log_warning(
                f'{self.key}.end={self.end:g}: the learning rate stays at its minimum until the end of the training, '
                f'{self.length.text}. {self._fix("end", self.length.total)}'
            )

    def _fix(self, name: str, value: int | str) -> str:
        if self.length.unit == 'iterations' and self.length.total < TRIAL:
            return 'Set param_scheduler=None for a trial.'
        return f'Set {self.key}.{name}={value}.'

    def _end_text(self) -> str:
        return 'none' if self.end == NO_END or self.end >= 1e9 else f'{self.end:g} {self.length.unit}'


def _learning_rate_schedules(cfg: Any, loop: Any, key: str = 'param_scheduler') -> Iterator[Schedule]:
    """Yield the learning rate schedules of a config; one dict, a list, or a dict of these per optimizer."""
    if isinstance(cfg, list | tuple):
        for index, part in enumerate(cfg):
            yield from _learning_rate_schedules(part, loop, f'{key}.{index}')
    elif isinstance(cfg, dict) and 'type' not in cfg:
        for name, part in cfg.items():
            yield from _learning_rate_schedules(part, loop, f'{key}.{name}')
    elif isinstance(cfg, dict):
        cls = registered_class(cfg, PARAM_SCHEDULERS)
        if cls is not None and issubclass(cls, LRSchedulerMixin):
            yield Schedule(key, cls, cfg, _length(cfg, loop, key))


def _length(cfg: dict[str, Any], loop: Any, key: str) -> Length:
    """Return the length of the training in the unit of a schedule.

    Raises:
        ValueError: If the schedule counts epochs, which the train loop has not.
    """
    by_epoch, steps = cfg.get('by_epoch', True), len(loop.dataloader)
    if isinstance(loop, EpochBasedTrainLoop):
        epochs = loop.max_epochs
        text = f'{epochs} epochs of {steps} iterations'
        if by_epoch:
            return Length(epochs, 'epochs', f'{text} (`train_cfg.max_epochs`)')
        return Length(epochs * steps, 'iterations', f'{epochs * steps} iterations ({text})')
    text = f'{loop.max_iters} iterations (`train_cfg.max_iters`)'
    if cfg.get('convert_to_iter_based'):
        epochs = max(round(loop.max_iters / steps), 1)
        return Length(epochs, 'epochs', f'{epochs} epochs of {steps} iterations, {text}')
    if by_epoch:
        # Under this loop the whole training is one epoch: the schedule would act once, after it.
        raise ValueError(
            f'`{key}.by_epoch` must be False under {type(loop).__name__}, got True. Set {key}.by_epoch=False, and its '
            f'begin and end in iterations, of which the training has {loop.max_iters}.'
        )
    return Length(loop.max_iters, 'iterations', text)


def _check_length(loop: Any) -> None:
    name = 'max_epochs' if isinstance(loop, EpochBasedTrainLoop) else 'max_iters'
    for key, value in ((name, getattr(loop, name)), ('val_interval', loop.val_interval)):
        if not 1 <= value < 2**31:
            raise ValueError(f'`train_cfg.{key}` must be in 1..{2**31 - 1}, got {value}.')


def _check_sampler(loop: Any) -> None:
    loader: DataLoader = loop.dataloader
    if isinstance(loader.dataset, IterableDataset):
        if isinstance(loop, EpochBasedTrainLoop):
            raise ValueError(
                f'`train_cfg.type` must be IterBasedTrainLoop for {type(loader.dataset).__name__}, got '
                f'{type(loop).__name__}: each process that loads images ends a pass with a batch of its own, so that '
                'an epoch has no fixed number of iterations.'
            )
        return
    samplers = [loader.sampler, getattr(loader.batch_sampler, 'sampler', None)]
    endless = next((sampler for sampler in samplers if isinstance(sampler, InfiniteSampler)), None)
    if endless is not None:
        if isinstance(loop, EpochBasedTrainLoop):
            raise ValueError(
                f'`train_dataloader.sampler` must be finite under {type(loop).__name__}, got '
                f'{type(endless).__name__.removeprefix("Seeded")}: the first epoch would never end. Set '
                'train_dataloader.sampler.type=DefaultSampler.'
            )
        return
    if not len(loader):
        raise ValueError(
            f'`train_dataloader.batch_size` must be at most the number of images with `drop_last`, got '
            f'{loader.batch_size} for {len(loader.dataset)} images. Set '  # type: ignore[arg-type]
            f'train_dataloader.batch_size={max(len(loader.dataset), 1)}.'  # type: ignore[arg-type]
        )
    if isinstance(loop, IterBasedTrainLoop) and loop.max_iters > len(loader):
        log_warning(
            f'train_dataloader.sampler: {type(loop).__name__} starts a finite sampler and its workers anew every '
            f'{len(loader)} iterations, and pauses for 2 s. Set train_dataloader.sampler.type=InfiniteSampler.'
        )


def _check_results(runner: Runner) -> None:
    """Reject a training that saves nothing; warn if it saves or validates less than the config looks like."""
    loop = runner.train_loop
    by_epoch = isinstance(loop, EpochBasedTrainLoop)
    total, unit = (loop.max_epochs, 'epochs') if by_epoch else (loop.max_iters, 'iterations')
    if runner.cfg.get('val_cfg') and loop.val_begin > total:
        log_warning(f'train_cfg.val_begin={loop.val_begin}: nothing is validated in {total} {unit}.')
    for hook in runner.hooks:
        if not isinstance(hook, CheckpointHook):
            continue
        length = loop.max_epochs if hook.by_epoch else loop.max_iters
        first = hook.save_begin or hook.interval
        if not hook.save_last and not 0 < first <= length:
            raise ValueError(
                f'`default_hooks.checkpoint.interval` must be in 1..{length} without `save_last`, got {first}: no '
                'checkpoint would be saved. Set default_hooks.checkpoint.save_last=True.'
            )
        if hook.by_epoch and not by_epoch:
            log_warning(
                f'default_hooks.checkpoint.by_epoch=True: {type(loop).__name__} saves one checkpoint, at the end. Set '
                'default_hooks.checkpoint.by_epoch=False.'
            )
