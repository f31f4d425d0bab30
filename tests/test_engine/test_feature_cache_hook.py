"""Whether a training uses its feature cache follows from its augmentation, through the real runner."""

import random

import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS
from mmengine.runner import Runner

from mmwsl.apis import load_config, train
from mmwsl.engine.hooks import FeatureCacheHook

PIPELINES = {
    'fixed': [],
    'flip': [dict(type='RandomFlip', prob=0.5)],
    'crop': [dict(type='RandomCrop', crop_size=(9, 9))],
    'crop and flip': [dict(type='RandomCrop', crop_size=(9, 9)), dict(type='RandomFlip', prob=0.5)],
    'color': [dict(type='PhotoMetricDistortion')],
}
CACHED = {'fixed', 'flip'}


@pytest.fixture
def config(tiny_config, tmp_path):
    """A function that loads the tiny config with a frozen, cached backbone and a pipeline."""
    path = tiny_config()

    def load(name):
        cfg = load_config(path, work_dir=str(tmp_path / 'work'))
        backbone = dict(type='mmwsl.DilatedMobileNetV2', out_indices=(6,), frozen=True)
        cfg.model.backbone = dict(type='mmwsl.CachedBackbone', cache_dir=str(tmp_path / 'cache'), backbone=backbone)
        cfg.model.decode_head.update(in_channels=320, in_index=0, norm_cfg=None)
        image, labels, pack = cfg.train_dataloader.dataset.pipeline
        cfg.train_dataloader.dataset.pipeline = [image, labels, *PIPELINES[name], pack]
        cfg.train_dataloader.sampler.type = 'DefaultSampler'
        cfg.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=2, val_interval=9)
        cfg.default_hooks.checkpoint = None
        cfg.update(val_cfg=None, val_dataloader=None, val_evaluator=None)
        return cfg

    return load


@pytest.mark.parametrize('name', PIPELINES)
def test_only_repeated_images_are_cached(config, tmp_path, name):
    runner = train(config(name))
    assert runner.model.backbone.enabled == (name in CACHED)
    files = len(list((tmp_path / 'cache').rglob('*.npz')))
    assert 7 <= files <= 14 if name in CACHED else files == 0


class Sizes(BaseDataset):
    """Images of different sizes."""

    def load_data_list(self):
        return [dict(height=8 + index) for index in range(5)]

    def __getitem__(self, index):
        return dict(inputs=torch.zeros(3, 8 + index, 8, dtype=torch.uint8))


@pytest.mark.parametrize('size, enabled', [((16, 16), True), (None, False)])
def test_images_that_are_padded_to_their_batch_are_not_repeated(config, size, enabled):
    DATASETS.register_module(Sizes.__name__, module=Sizes, force=True)
    cfg = config('fixed')
    cfg.train_dataloader.dataset = dict(type='Sizes')
    runner = Runner.from_cfg(cfg)
    runner.model.data_preprocessor.size = size
    assert len(runner.train_loop.dataloader.dataset) == 5
    FeatureCacheHook().before_train(runner)
    assert runner.model.backbone.enabled == enabled


def test_the_training_draws_the_same_random_numbers_with_and_without_the_hook(config):
    runner = Runner.from_cfg(config('crop'))
    loop = runner.train_loop
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    FeatureCacheHook().before_train(runner)
    assert runner.train_loop is loop
    assert states == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())
    assert not runner.model.backbone.enabled
