"""Draws of a training that is resumed, of several processes, and of several threads."""

import pickle
import random

import numpy as np
import pytest
import torch
from mmengine.dataset import InfiniteSampler
from mmengine.registry import DATASETS
from torch.utils.data import DataLoader, Dataset

from mmwsl.datasets import Draw, SeededDataset, SeededInfiniteSampler
from mmwsl.engine.runner import WeakSegRunner


@DATASETS.register_module(name='RandomNumbersOfATest')
class RandomNumbers(Dataset):
    """Returns the index and three random numbers."""

    metainfo = dict(classes=('a',))

    def __len__(self):
        return 5

    def __getitem__(self, index):
        assert type(index) is int
        return torch.tensor([index, random.random(), np.random.rand(), torch.rand(()).item()], dtype=torch.float64)


def draws(count, workers=0, skipped=0, **more):
    """Return the first batches of a dataloader that a runner builds."""
    config = dict(
        batch_size=2,
        num_workers=workers,
        sampler=dict(type='InfiniteSampler', shuffle=True),
        dataset=dict(type='RandomNumbersOfATest'),
        **more,
    )
    loader = WeakSegRunner.build_dataloader(config, seed=3)
    if skipped:
        loader.sampler.skip(2 * skipped)
    batches = iter(loader)
    return torch.stack([torch.as_tensor(np.array(next(batches))) for _ in range(count)])


def test_draws_do_not_depend_on_the_processes_that_load_them():
    first = draws(9)
    assert torch.equal(first, draws(9, workers=1)) and torch.equal(first, draws(9, workers=3))
    flat = first.flatten(0, 1)
    assert flat[:5, 0].sort().values.tolist() == [0, 1, 2, 3, 4]  # every image once in a pass
    assert len(set(flat[:, 1].tolist())) == len(set(flat[:, 2].tolist())) == len(set(flat[:, 3].tolist())) == len(flat)


@pytest.mark.parametrize('workers', [0, 2])
def test_a_resumed_training_draws_what_an_uninterrupted_one_draws(workers):
    assert torch.equal(draws(9)[4:], draws(5, workers=workers, skipped=4))


def test_indices_are_those_of_the_sampler_of_mmengine():
    mine, theirs = (iter(kind(range(7), seed=5)) for kind in (SeededInfiniteSampler, InfiniteSampler))
    assert [next(mine) for _ in range(20)] == [next(theirs) for _ in range(20)]


def test_processes_share_the_draws(monkeypatch):
    whole = iter(SeededInfiniteSampler(range(5), seed=1))
    whole = [next(whole) for _ in range(12)]
    parts = []
    for rank in range(2):
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda rank=rank: (rank, 2))
        sampler = iter(SeededInfiniteSampler(range(5), seed=1))
        parts.append([next(sampler) for _ in range(6)])
    shared = [draw for pair in zip(*parts, strict=True) for draw in pair]
    assert [(int(draw), draw.seed) for draw in shared] == [(int(draw), draw.seed) for draw in whole]


def test_the_random_numbers_of_the_process_stay_as_they_are():
    dataset = SeededDataset(dict(type='RandomNumbersOfATest'))
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    expected = random.random(), np.random.rand(), torch.rand(()).item()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    assert torch.equal(dataset[Draw(2, 9)], dataset[Draw(2, 9)])
    assert (random.random(), np.random.rand(), torch.rand(()).item()) == expected
    assert not torch.equal(dataset[2], dataset[2])  # an index without a seed


def test_a_draw_and_a_dataset_survive_another_process():
    draw = pickle.loads(pickle.dumps(Draw(4, 7)))
    assert (draw, draw.seed, len(SeededDataset(dict(type='RandomNumbersOfATest')))) == (4, 7, 5)
    dataset = pickle.loads(pickle.dumps(SeededDataset(dict(type='RandomNumbersOfATest'))))
    assert dataset.metainfo == dict(classes=('a',)) and not hasattr(dataset, 'nothing')


def test_other_samplers_are_left_alone():
    config = dict(batch_size=1, num_workers=0, dataset=dict(type='RandomNumbersOfATest'))
    loader = WeakSegRunner.build_dataloader(dict(config, sampler=dict(type='DefaultSampler', shuffle=True)), seed=0)
    assert type(loader.dataset) is RandomNumbers
    assert WeakSegRunner.build_dataloader(loader) is loader and isinstance(loader, DataLoader)
