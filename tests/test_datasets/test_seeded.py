"""Draws of a training that is resumed, of several processes, and of several threads."""

import pickle
import random

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.registry import DATA_SAMPLERS, DATASETS, DefaultScope
from torch.utils.data import DataLoader, Dataset, Sampler

from mmwsl.datasets import Draw, SeededDataset, SeededInfiniteSampler, SeededSampler
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


@DATA_SAMPLERS.register_module(name='ReversedOfATest')
class Reversed(Sampler):
    """Another sampler that draws without randomness."""

    def __init__(self, dataset, seed=None):
        self.dataset = dataset

    def __iter__(self):
        return iter(reversed(range(len(self.dataset))))


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


def epochs(workers, persistent=False, count=3):
    """Return the sorted draws of each epoch of a dataloader that shuffles."""
    config = dict(
        batch_size=2,
        num_workers=workers,
        persistent_workers=persistent,
        sampler=dict(type='DefaultSampler', shuffle=True),
        dataset=dict(type='RandomNumbersOfATest'),
    )
    loader = WeakSegRunner.build_dataloader(config, seed=3)
    drawn = []
    for epoch in range(count):
        loader.sampler.set_epoch(epoch)
        drawn.append(torch.cat([torch.stack(list(batch)) for batch in loader]))
    return torch.stack(drawn)


def test_an_epoch_does_not_depend_on_the_processes_that_load_it():
    first = epochs(0)
    for workers, persistent in ((1, False), (1, True), (3, True)):
        assert torch.equal(first, epochs(workers, persistent))
    for epoch in first:
        assert epoch[:, 0].sort().values.tolist() == [0, 1, 2, 3, 4]
    assert len(first.flatten(0, 1)[:, 1:].flatten().unique()) == 3 * 5 * 3  # no number twice: each epoch has its own
    assert not torch.equal(first[0, :, 0], first[1, :, 0])


@pytest.fixture
def restored_threads():
    numbers = torch.get_num_threads(), cv2.getNumThreads()
    yield
    torch.set_num_threads(numbers[0])
    cv2.setNumThreads(numbers[1])


def inputs_of_an_epoch(workers, threads, size=32):
    """Return the input images of the second epoch, with the random transforms of a segmentor."""
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    pipeline = [
        dict(type='mmwsl.RenderShapesImage'),
        dict(type='RandomResize', scale=(96, 96), ratio_range=(0.5, 2.0), keep_ratio=True),
        dict(type='RandomCrop', crop_size=(size, size)),
        dict(type='RandomFlip', prob=0.5),
        dict(type='PhotoMetricDistortion'),
        dict(type='mmwsl.PackImageLabelInputs'),
    ]
    config = dict(
        batch_size=2,
        num_workers=workers,
        sampler=dict(type='DefaultSampler', shuffle=True),
        dataset=dict(type='mmwsl.ShapesDataset', length=8, pipeline=pipeline),
        collate_fn=dict(type='pseudo_collate'),
    )
    with DefaultScope.overwrite_default_scope('mmseg'):
        loader = WeakSegRunner.build_dataloader(config, seed=3)
        loader.sampler.set_epoch(1)
        return torch.stack([image for batch in loader for image in batch['inputs']])


def test_the_inputs_of_an_epoch_depend_on_neither_threads_nor_processes(restored_threads):
    first = inputs_of_an_epoch(workers=0, threads=1)
    assert first.shape == (8, 3, 32, 32) and first.float().std() > 10
    for workers, threads in ((0, 4), (1, 1), (1, 4), (2, 1), (2, 4)):
        assert torch.equal(inputs_of_an_epoch(workers, threads), first)


def test_an_image_of_an_epoch_does_not_depend_on_the_processes_that_train(monkeypatch):
    def seeds(rank, size):
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda: (rank, size))
        sampler = SeededSampler(range(6), seed=1)
        sampler.set_epoch(2)
        return {int(draw): draw.seed for draw in sampler}

    assert seeds(0, 1) == seeds(0, 3) | seeds(1, 3) | seeds(2, 3)
    assert list(SeededSampler(range(6), seed=1)) == list(DefaultSampler(range(6), seed=1))


@pytest.mark.parametrize('sampler', [dict(type='DefaultSampler', shuffle=False), dict(type='ReversedOfATest')])
def test_other_samplers_are_left_alone(sampler):
    config = dict(batch_size=1, num_workers=0, dataset=dict(type='RandomNumbersOfATest'))
    loader = WeakSegRunner.build_dataloader(dict(config, sampler=sampler), seed=0)
    assert type(loader.dataset) is RandomNumbers
    assert WeakSegRunner.build_dataloader(loader) is loader and isinstance(loader, DataLoader)
