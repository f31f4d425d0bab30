"""Hook that draws the random numbers of a training per iteration, so that a resumed training draws the same."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.utils.data import get_worker_info

from ...registry import HOOKS

DATA, MODEL = 0, 1


def seed_generators(*numbers: int) -> None:
    """Seed the generators of Python, numpy and torch with a hash of some numbers."""
    one, other, third = np.random.SeedSequence(numbers).generate_state(3).tolist()
    random.seed(one)
    np.random.seed(other)
    torch.manual_seed(third)


class BatchSeeds:
    """Seeds of the batches that a loading process makes: each batch depends on its number alone.

    Args:
        prepare: ``worker_init_fn`` of the loader.
        collate: ``collate_fn`` of the loader, which ends a batch.
        seed: Random seed of the training.
        first: Number of the first batch.
    """

    def __init__(
        self, prepare: Callable[[int], None] | None, collate: Callable[[Any], Any], seed: int, first: int
    ) -> None:
        self.prepare, self.collate, self.seed, self.first = prepare, collate, seed, first
        self.made = 0

    def begin(self, worker: int) -> None:
        """Prepare a process and seed its first batch."""
        if self.prepare is not None:
            self.prepare(worker)
        self._next()

    def __call__(self, samples: Any) -> Any:
        """Collate a batch, and seed the next one of this process; batches take turns over the processes."""
        batch = self.collate(samples)
        self.made += 1
        self._next()
        return batch

    def _next(self) -> None:
        worker = get_worker_info()
        if worker is not None:  # without processes the hook seeds
            number = self.first + worker.id + self.made * worker.num_workers
            seed_generators(self.seed, get_rank(), DATA, number)


@HOOKS.register_module()
class RepeatableTrainingHook(Hook):
    """Hook that seeds each batch, and each iteration of the model, with the number of the iteration.

    mmengine continues a training with the images that come next, but with the random numbers of its first iterations:
    other crops, flips and dropout than without the interruption. With this hook they are the same, except that
    persistent processes of an epoch loop keep their generators from epoch to epoch.
    """

    priority = 'HIGHEST'

    def before_train(self, runner: Runner) -> None:
        """Take over the seeds of the loading processes, before these are started."""
        loader = runner.train_dataloader
        self.functions = loader.worker_init_fn, loader.collate_fn

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed the batches of an epoch, from the next one on."""
        loader = runner.train_dataloader
        seeds = BatchSeeds(*self.functions, runner.seed, runner.iter)
        loader.collate_fn, loader.worker_init_fn = seeds, seeds.begin
        seed_generators(runner.seed, get_rank(), DATA, runner.iter)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Seed the model."""
        seed_generators(runner.seed, get_rank(), MODEL, runner.iter)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Seed the next batch, if this process makes it."""
        seed_generators(runner.seed, get_rank(), DATA, runner.iter + 1)

    def after_val(self, runner: Runner) -> None:
        """Seed the next batch again."""
        seed_generators(runner.seed, get_rank(), DATA, runner.iter)
