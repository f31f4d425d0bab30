"""Single-stage training through the real runner: warm-up, a checkpoint, and resuming."""

import pytest
import torch

from mmwsl.apis.initial_weights import InitialWeightsHook
from mmwsl.engine.runner import WeakSegRunner

from .shorten import short_config


def _train(folder, iterations, resume=None, name='wsl_single_voc6', **settings):
    cfg = short_config(name)
    cfg.train_cfg.update(max_iters=iterations, val_interval=100)
    cfg.update(val_cfg=None, val_dataloader=None, val_evaluator=None)
    cfg.default_hooks.checkpoint.update(interval=1)
    cfg.model.update(warmup_iters=1, **settings)
    cfg.update(work_dir=folder, load_from=resume, resume=resume is not None)
    runner = WeakSegRunner.from_cfg(cfg)
    runner.register_hook(InitialWeightsHook())  # as `tools/train.py` does
    runner.train()
    return runner


def _losses(runner):
    return runner.message_hub.get_scalar('train/decode.loss_noisy').data[0]


@pytest.mark.usefixtures('on_cpu')
def test_a_resumed_training_ends_the_warmup_at_the_same_iteration():
    whole = _train('whole', 3)
    assert _losses(whole)[0] == 0 and _losses(whole)[1] > 0
    assert whole.model.teacher.steps == 3
    _train('stopped', 1)
    resumed = _train('stopped', 3, 'stopped/iter_1.pth')
    assert _losses(resumed)[-2] > 0
    expected = whole.model.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in resumed.model.state_dict().items())


@pytest.mark.parametrize('name', ['wsl_single_voc6_mixture', 'wsl_single_voc6_contrast'])
def test_the_parts_of_the_variants_take_part(name):
    runner = _train('work', 2, name=name)
    assert _losses(runner)[1] > 0
    if name.endswith('contrast'):
        assert runner.message_hub.get_scalar('train/loss_contrast').data[0][1] > 0
    else:
        assert runner.model.labeler.batches == 1 and runner.model.labeler.images.sum() > 0
