"""Measured durations of a project on this machine, and what fits into the memory of its device."""

import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmwsl.apis.acceleration import accelerate, prepare_inputs, restored_backends
from mmwsl.apis.checkpoint import weights_only_loading
from mmwsl.apis.launch import build_runner
from mmwsl.apis.pseudo_labels.masks import MaskRule

Candidate = TypeVar('Candidate')
Result = TypeVar('Result')


@dataclass(frozen=True)
class StepTime:
    """Duration of a training iteration.

    Attributes:
        step: Seconds of an iteration.
        first: Additional seconds of the first one on the same images, whose features a
            :class:`mmwsl.models.backbones.CachedBackbone` has not stored yet.
        forward: Seconds of a prediction of one image.
        images: Number of images of an epoch, repeated ones included.
    """

    step: float
    first: float = 0.0
    forward: float = 0.0
    images: int = 0


def measure_steps(cfg: Config, amp: str | None = None) -> StepTime:
    """Measure the duration of a training iteration on real images, without the features of earlier runs.

    The step is not compiled, even if the config of the training has ``compile``. On a GPU the prediction is channels
    last, as the step is; label generation has the usual order.

    Args:
        cfg: The config of the training.
        amp: Precision of the training; see :func:`mmwsl.apis.acceleration.accelerate`.
    """
    with tempfile.TemporaryDirectory() as cache, restored_backends():
        cfg = cfg.copy()
        if 'cache_dir' in cfg.model.backbone:
            cfg.model.backbone.cache_dir = cache
        return _measure_steps(cfg, amp)


def _measure_steps(cfg: Config, amp: str | None) -> StepTime:
    prepare_inputs(cfg)  # also of label generation, whose duration is measured after the block
    with restored_backends():
        with weights_only_loading(cfg):
            hooks, _ = accelerate(cfg, amp)
            runner = build_runner(cfg)
            runner.model.init_weights()
        runner.optim_wrapper = runner.build_optim_wrapper(cfg.optim_wrapper)
        for hook in hooks:
            hook.before_train(runner)
        alone = dict(num_workers=0, persistent_workers=False, prefetch_factor=None)
        loader = Runner.build_dataloader(dict(cfg.train_dataloader, **alone), seed=0)
        batches = iter(loader)
        runner.model.train()
        durations: list[list[float]] = []
        for _ in range(2):  # the first batch warms up
            start = time.monotonic()
            batch = next(batches)
            loading = time.monotonic() - start
            step = partial(runner.model.train_step, batch, runner.optim_wrapper)
            durations.append([_seconds(step) for _ in range(3)])
    first, _, later = durations[-1]
    workers = max(1, cfg.train_dataloader.get('num_workers', 0))
    images = runner.model.data_preprocessor(batch, True)['inputs'][:1]
    runner.model.eval()
    with torch.no_grad():
        forward = min(_seconds(lambda: runner.model(images, mode='tensor')) for _ in range(2))
    return StepTime(max(later, loading / workers), max(0.0, first - later), forward, len(loader.dataset))


def _seconds(function: Callable[[], object]) -> float:
    """Measure the duration of a call, until the device has finished."""
    start = time.monotonic()
    function()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.monotonic() - start


def measure_mask(rule: MaskRule, image: Path, size: tuple[int, int]) -> float:
    """Measure the duration in seconds of the mask of an image with two foreground classes.

    The mask is made twice: the first time, numba loads or compiles the CRF.

    Args:
        rule: The rule of the masks.
        image: The image.
        size: Its height and width.
    """
    coarse = np.random.default_rng(0).integers(0, 256, (3, 8, 8), dtype=np.uint8)
    rows, columns = (np.arange(side) * 8 // side for side in size)
    scores = coarse[:, rows[:, None], columns]
    return min(_seconds(lambda: rule.apply(scores, str(image))) for _ in range(2))


def first_that_fits(
    candidates: Iterable[Candidate], function: Callable[[Candidate], Result]
) -> tuple[Candidate, Result] | None:
    """Return the first candidate that the memory suffices for, with the result of the function; None if none does."""
    for candidate in candidates:
        try:
            return candidate, function(candidate)
        except (RuntimeError, MemoryError) as error:  # torch has no class of its own for the memory of a CPU
            if not isinstance(error, MemoryError | torch.cuda.OutOfMemoryError) and 'allocate memory' not in str(error):
                raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return None
