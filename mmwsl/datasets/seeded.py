"""Random transforms whose numbers depend on what is drawn, not on the process that draws it."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.dataset import DefaultSampler, InfiniteSampler

from mmwsl.registry import DATA_SAMPLERS, DATASETS


class Draw(int):
    """Index of a dataset with a seed for the transforms of this draw."""

    def __new__(cls, index: int, seed: int = 0) -> 'Draw':
        """Return the index, with the seed as an attribute."""
        draw = super().__new__(cls, index)
        draw.seed = seed
        return draw

    seed: int


def draw(seed: int, number: int, index: int) -> Draw:
    """Return an index with the seed of its draw: a hash of the sampler's seed, the pass over the dataset, the index."""
    return Draw(index, int(np.random.SeedSequence((seed, number, index)).generate_state(1)[0]))


@DATA_SAMPLERS.register_module()
class SeededSampler(DefaultSampler):
    """``DefaultSampler`` that gives each draw a seed: of the sampler's seed, the epoch, and the index.

    The random transforms of an image then depend on nothing else: neither on the number of processes that load images,
    nor on whether they are started anew in each epoch, nor on the number of processes that train.
    """

    def __iter__(self) -> Iterator[int]:
        """Yield the indices as :class:`Draw`."""
        return (draw(self.seed, self.epoch, index) for index in super().__iter__())


@DATA_SAMPLERS.register_module()
class SeededInfiniteSampler(InfiniteSampler):
    """``InfiniteSampler`` that gives each draw a seed: of the sampler's seed, the pass over the dataset, and the index.

    A training that is resumed then sees what an uninterrupted one sees. mmengine skips the draws of a resumed training
    without loading them, so that the random numbers of the processes that load them would be others.

    Args:
        *args: Passed to the parent.
        **kwargs: Passed to the parent.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._drawn = 0

    def __iter__(self) -> Iterator[int]:
        """Yield the indices as :class:`Draw`."""
        for index in super().__iter__():
            number = (self._drawn * self.world_size + self.rank) // self.size
            self._drawn += 1
            yield draw(self.seed, number, index)

    def skip(self, num_samples: int) -> None:
        """Skip draws of this process; see the parent."""
        super().skip(num_samples)
        self._drawn = num_samples


@DATASETS.register_module()
class SeededDataset:
    """Dataset that seeds its transforms by the seed of each :class:`Draw`; all else is that of the dataset.

    Args:
        dataset: Config of the dataset.
    """

    def __init__(self, dataset: dict) -> None:
        self.dataset = DATASETS.build(dataset)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.dataset)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the dataset."""
        return getattr(object.__getattribute__(self, 'dataset'), name)  # there is none yet while it is unpickled

    def __getitem__(self, index: int) -> Any:
        """Return a sample."""
        if not isinstance(index, Draw):
            return self.dataset[index]
        with random_numbers(index.seed):
            return self.dataset[int(index)]


@contextmanager
def random_numbers(seed: int | None = None) -> Iterator[None]:
    """Seed the random number generators of Python, numpy and torch (CPU), and restore them after the block.

    Args:
        seed: The seed, below 2**32; None keeps their state.
    """
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    if seed is not None:
        random.seed(seed)
        np.random.seed(seed)
        torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
