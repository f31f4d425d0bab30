"""Checkpoints of a training hold nothing but tensors and plain values, and lose nothing."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner

from mmwsl.engine.hooks import WeightsOnlyCheckpointHook


@pytest.fixture
def run(tiny_config, tmp_path):
    """A function that builds a runner of the tiny config, by name."""
    config = tiny_config(work_dir=str(tmp_path / 'work'), custom_imports=dict(imports=['mmwsl.registry']))

    def build(name):
        cfg = Config.fromfile(config)
        cfg.experiment_name += name
        return Runner.from_cfg(cfg)

    return build


def test_it_loads_as_weights_only_and_resumes_with_its_history(run, tmp_path):
    first = run('first')
    first.message_hub.update_info('best', np.float32(0.5))
    first.train()
    path = tmp_path / 'work' / 'iter_4.pth'
    checkpoint = torch.load(path, weights_only=True)
    assert checkpoint['message_hub']['runtime_info']['best'] == 0.5
    assert len(checkpoint['message_hub']['log_scalars']['train/loss']['log_history']) == 4
    second = run('second')
    second.resume(str(path))
    scalars = second.message_hub.log_scalars
    for name in ('train/loss', 'train/lr'):
        for found, expected in zip(scalars[name].data, first.message_hub.log_scalars[name].data, strict=True):
            np.testing.assert_array_equal(found, expected)
            assert found.dtype == expected.dtype
    assert scalars['train/loss'].mean(2) == first.message_hub.log_scalars['train/loss'].mean(2)
    assert second.iter == 4


def test_a_checkpoint_of_the_runners_own_hook_is_left_as_it_is():
    history = HistoryBuffer([1., 2.], [1, 1])
    checkpoint = dict(message_hub=dict(log_scalars=dict(loss=history, old=3.)))
    WeightsOnlyCheckpointHook().after_load_checkpoint(None, checkpoint)
    assert checkpoint['message_hub']['log_scalars'] == dict(loss=history, old=3.)
    WeightsOnlyCheckpointHook().after_load_checkpoint(None, weights := dict(state_dict={}))
    assert weights == dict(state_dict={})
