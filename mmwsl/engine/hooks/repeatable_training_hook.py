"""Hook that draws the random numbers of a training per iteration, so that a resumed training draws the same."""

import random
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ...registry import HOOKS

DATA, MODEL = 0, 1


def seed_generators(*numbers: int) -> None:
    """Seed the generators of Python, numpy and torch with a hash of some numbers."""
    one, other, third = np.random.SeedSequence(numbers).generate_state(3).tolist()
    random.seed(one)
    np.random.seed(other)
    torch.manual_seed(third)


@HOOKS.register_module()
class RepeatableTrainingHook(Hook):
    """Hook that seeds every iteration of the model, and the images of every epoch, with the number of the iteration.

    mmengine continues a training with the images that come next, but with the random numbers of its start: another
    dropout. :class:`mmwsl.datasets.SeededDataset` seeds the transforms of an image; the seed of an epoch is for images
    that this process loads with another sampler than those of mmengine.
    """

    priority = 'HIGHEST'

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed the images that this process loads."""
        seed_generators(runner.seed, get_rank(), DATA, runner.iter)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Seed the model."""
        seed_generators(runner.seed, get_rank(), MODEL, runner.iter)
