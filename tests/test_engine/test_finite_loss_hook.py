import re

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook

from mmwsl import apis
from mmwsl.engine.hooks import NonFiniteError
from mmwsl.engine.hooks.finite_loss_hook import FiniteLossHook


class Poison(Hook):
    """Hook that makes a parameter NaN before an iteration, or after its loss was computed."""

    priority = 'VERY_HIGH'

    def __init__(self, iteration, after=False):
        self.iteration, self.after, self.last = iteration, after, 0

    def poison(self, runner, index):
        self.last = index + 1
        if self.last == self.iteration:
            next(runner.model.parameters()).data.fill_(torch.nan)

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if not self.after:
            self.poison(runner, runner.iter)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if self.after:
            self.poison(runner, runner.iter)


def settings(config, work_dir, epochs=False, interval=4, keep=-1):
    cfg = Config.fromfile(config)
    cfg.work_dir = str(work_dir)
    cfg.train_dataloader.sampler.type = 'DefaultSampler' if epochs else 'InfiniteSampler'
    cfg.train_cfg = dict(by_epoch=True, max_epochs=5) if epochs else dict(cfg.train_cfg, max_iters=20)
    cfg.train_cfg.val_interval = 100
    cfg.default_hooks.checkpoint = dict(
        type='mmwsl.WeightsOnlyCheckpointHook', by_epoch=epochs, interval=1 if epochs else interval, max_keep_ckpts=keep
    )
    cfg.default_hooks.logger.interval = 5
    return cfg


def finite(path):
    return all(value.isfinite().all() for value in torch.load(path, weights_only=True)['state_dict'].values())


@pytest.mark.parametrize('after', [False, True], ids=['loss', 'weights'])
@pytest.mark.parametrize('iteration', [3, 4, 8, 9, 13])
def test_no_checkpoint_of_a_diverged_network_is_written(tiny_config, tmp_path, iteration, after):
    cfg = settings(tiny_config(), tmp_path / 'work', keep=2)
    poison = Poison(iteration, after)
    with pytest.raises(NonFiniteError) as error:
        apis.train(cfg, hooks=[poison])
    # With poisoned weights of its own step, a checkpoint of this iteration is rejected; else the next loss is NaN.
    named = iteration if not after or iteration % 4 == 0 else iteration + 1
    assert f'iteration {named}: ' in str(error.value) and '\n' not in str(error.value)
    assert poison.last - named < 5  # the logging interval
    good = (named - 1) // 4 * 4
    written = sorted(int(re.search(r'\d+', path.name)[0]) for path in (tmp_path / 'work').glob('*.pth'))
    assert written == [number for number in (4, 8, 12) if number <= good][-2:]
    if good:
        path = tmp_path / 'work' / f'iter_{good}.pth'
        assert f'The last good checkpoint is {path}.' in str(error.value) and finite(path)
        assert apis.latest_checkpoint(tmp_path / 'work') == str(path)
    else:
        assert 'No checkpoint was written before.' in str(error.value)


def test_epochs_stop_before_validation_and_checkpoint(tiny_config, tmp_path):
    cfg = settings(tiny_config(), tmp_path / 'work', epochs=True)
    cfg.train_cfg.val_interval = 1
    with pytest.raises(NonFiniteError, match=r'iteration 6: the loss must be finite.*epoch_1\.pth'):
        apis.train(cfg, hooks=[Poison(6)])  # 4 iterations per epoch
    assert [path.name for path in (tmp_path / 'work').glob('*.pth')] == ['epoch_1.pth']


def test_a_hook_of_the_config_is_not_registered_twice_and_finite_losses_train(tiny_config, tmp_path):
    cfg = settings(tiny_config(), tmp_path / 'work')
    cfg.custom_hooks = [dict(type='mmwsl.FiniteLossHook')]
    runner = apis.train(cfg)
    assert runner.iter == 20 and sum(isinstance(hook, FiniteLossHook) for hook in runner.hooks) == 1
    assert (tmp_path / 'work' / 'iter_20.pth').exists()
