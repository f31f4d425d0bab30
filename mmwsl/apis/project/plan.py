"""Length of a training: iterations, warm-up and batch size from the data, the device and the time."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmwsl.apis.checkpoint import weights_only_loading
from mmwsl.apis.launch import build_runner

WARMUP = 50
"""Iterations of the warm-up of the learning rate, at most a tenth of the training."""
LARGEST_BATCH = 16
CHECKPOINTS = 10
"""Checkpoints of a training: an interrupted one loses a tenth of it."""


@dataclass(frozen=True)
class Need:
    """What a training needs to converge.

    Attributes:
        epochs: Epochs on a large dataset: the schedule of the voc6 configs, whose 3131 images need 6 or 4.
        least: Iterations that are needed however few the images are.
        shortest: Iterations below which a limit of time does not shorten the training.
    """

    epochs: float
    least: int
    shortest: int


CLASSIFIER = Need(epochs=6, least=200, shortest=60)
SEGMENTOR = Need(epochs=4, least=200, shortest=40)


def batch_size(num_images: int) -> int:
    """Return the batch size: that of the configs, smaller for few images, so that an epoch has four iterations."""
    return max(2, min(LARGEST_BATCH, num_images // 4))


def image_side(sides: Sequence[int], largest: int) -> int:
    """Return the size in pixels that images are scaled to: the median of their longer sides, a multiple of 32.

    Args:
        sides: Longer side of each image.
        largest: Size of the config, which is not exceeded.
    """
    return max(64, min(largest, 32 * round(float(np.median(sides)) / 32)))


def plan_iterations(
    need: Need,
    num_images: int,
    batch: int,
    *,
    epochs: float | None = None,
    seconds: float | None = None,
    step_seconds: float = 0.0,
    first_seconds: float = 0.0,
    first_steps: float = 0,
) -> int:
    """Return the number of iterations of a training.

    Args:
        need: What the training needs.
        num_images: Number of training images.
        batch: Batch size.
        epochs: Number of epochs that the user set.
        seconds: Time that is left for the training. None is no limit.
        step_seconds: Duration of an iteration.
        first_seconds: Additional duration of an iteration whose features are not in the cache yet.
        first_steps: Number of iterations whose features are not in the cache yet.
    """
    if epochs is not None:
        return max(1, round(epochs * num_images / batch))
    wanted = max(need.least, round(need.epochs * num_images / batch))
    if seconds is None:
        return wanted
    slow = step_seconds + first_seconds
    if seconds < first_steps * slow:
        possible = seconds / slow
    else:
        possible = first_steps + (seconds - first_steps * slow) / step_seconds
    return max(need.shortest, min(wanted, int(possible)))


def training_seconds(iterations: int, step_seconds: float, first_seconds: float = 0.0, first_steps: float = 0) -> float:
    """Return the estimated duration of a training; see :func:`plan_iterations`."""
    return iterations * step_seconds + min(iterations, first_steps) * first_seconds


def schedule(iterations: int) -> dict:
    """Return the settings of a config for a number of iterations: schedule, warm-up, validation, checkpoints."""
    warmup = min(WARMUP, iterations // 10)
    decay = dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False, begin=0, end=iterations)
    rise = dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=warmup)
    interval = max(1, iterations // CHECKPOINTS)
    return dict(
        train_cfg=dict(max_iters=iterations, val_interval=iterations),
        param_scheduler=[rise, decay] if warmup > 1 else [decay],
        default_hooks=dict(checkpoint=dict(interval=interval), logger=dict(interval=max(1, min(10, iterations // 20)))),
    )


def measure_steps(cfg: Config) -> tuple[float, float]:
    """Measure the duration of a training iteration on real images.

    Args:
        cfg: The config of the training.

    Returns:
        Seconds of an iteration, and additional seconds of the first one on the same images, whose features a
        :class:`mmwsl.models.backbones.CachedBackbone` has not stored yet.
    """
    cfg = cfg.copy()
    with weights_only_loading(cfg):
        runner = build_runner(cfg)
        runner.model.init_weights()
    optimizer = runner.build_optim_wrapper(cfg.optim_wrapper)
    loader = Runner.build_dataloader(dict(cfg.train_dataloader, num_workers=0, persistent_workers=False), seed=0)
    batches = iter(loader)
    runner.model.train()
    durations: list[list[float]] = []
    for _ in range(2):  # the first batch warms up
        start = time.monotonic()
        batch = next(batches)
        loading = time.monotonic() - start
        durations.append([_timed(runner, batch, optimizer) for _ in range(3)])
    first, _, later = durations[-1]
    workers = max(1, cfg.train_dataloader.get('num_workers', 0))
    return max(later, loading / workers), max(0.0, first - later)


def _timed(runner: Runner, batch: dict, optimizer: object) -> float:
    start = time.monotonic()
    runner.model.train_step(batch, optim_wrapper=optimizer)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.monotonic() - start
