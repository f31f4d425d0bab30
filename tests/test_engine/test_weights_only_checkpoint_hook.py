"""Checkpoints hold only tensors and plain values, and resume without loss."""

from collections import Counter
from pickle import UnpicklingError

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner

from mmwsl.apis import check_checkpoint
from mmwsl.engine.hooks import WeightsOnlyCheckpointHook


@pytest.fixture
def run(tiny_config, tmp_path):
    """Return a function that builds a runner of the tiny config, by name."""
    config = tiny_config(
        work_dir=str(tmp_path / 'work'),
        custom_imports=dict(imports=['mmwsl.registry']),
        param_scheduler=[dict(type='MultiStepLR', milestones=[3], by_epoch=False)],
    )

    def build(name, checkpoint='mmwsl.WeightsOnlyCheckpointHook'):
        cfg = Config.fromfile(config)
        cfg.default_hooks.checkpoint.type = checkpoint
        cfg.experiment_name += name
        return Runner.from_cfg(cfg)

    return build


def test_a_checkpoint_loads_as_weights_only_and_resumes_with_the_log_history(run, tmp_path):
    first = run('first')
    first.message_hub.update_info('best', dict(scores=[np.float32(0.5), np.ones(2)]))
    first.train()
    path = tmp_path / 'work' / 'iter_4.pth'
    checkpoint = torch.load(path, weights_only=True)
    assert checkpoint['message_hub']['runtime_info']['best'] == dict(scores=[0.5, [1.0, 1.0]])
    assert type(checkpoint['param_schedulers'][0]['milestones']) is dict
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
    assert second.param_schedulers[0].milestones == Counter([3])
    assert second.optim_wrapper.get_lr()['lr'] == pytest.approx([0.005])


@pytest.mark.skipif(torch.__version__ < (2, 6), reason='torch before 2.6 has no list of safe types; install torch>=2.6')
def test_a_checkpoint_of_the_parent_hook_needs_the_list_of_safe_types(run, tmp_path):
    runner = run('stock', checkpoint='CheckpointHook')
    runner.train()
    with pytest.raises(UnpicklingError):
        torch.load(tmp_path / 'work' / 'iter_4.pth', weights_only=True)
    check_checkpoint(tmp_path / 'work' / 'iter_4.pth')


def test_loading_a_checkpoint_of_the_parent_hook_changes_nothing():
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    checkpoint = dict(message_hub=dict(log_scalars=dict(loss=history, old=3.0)))
    WeightsOnlyCheckpointHook().after_load_checkpoint(None, checkpoint)
    assert checkpoint['message_hub']['log_scalars'] == dict(loss=history, old=3.0)
    WeightsOnlyCheckpointHook().after_load_checkpoint(None, weights := dict(state_dict={}))
    assert weights == dict(state_dict={})
