"""The log is that of mmengine's hook, and no iteration reads a value from the device."""

import re

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.logging import MessageHub

from mmwsl.apis.config import load_config
from mmwsl.apis.training import main, train
from mmwsl.engine.hooks import DeferredRuntimeInfoHook
from tests.device_reads import CountReads


def lines_of(work_dir):
    """Return the numbers of the lines of a log, without times."""
    text = next(work_dir.glob('*/*.log')).read_text()
    lines = re.findall(r'(?:Iter|Epoch)\(train\).*', text)
    return [re.sub(r'(eta|time|data_time): [\d:.]+', '', line) for line in lines]


@pytest.mark.parametrize('interval', [1, 3])
def test_the_log_is_the_same(tiny_config, tmp_path, interval):
    config = str(tiny_config(train_cfg=dict(type='IterBasedTrainLoop', max_iters=7, val_interval=4)))
    logs = []
    for kind in ('mmwsl.DeferredRuntimeInfoHook', 'RuntimeInfoHook'):
        options = [f'default_hooks.logger.interval={interval}', f'experiment_name={tmp_path.name}_{kind}']
        if kind == 'RuntimeInfoHook':
            options.append('default_hooks.runtime_info.type=RuntimeInfoHook')
        main([config, '--work-dir', str(tmp_path / kind), '--cfg-options', *options])
        logs.append(lines_of(tmp_path / kind))
    assert logs[0] == logs[1] and len(logs[0]) == 7 // interval


def test_an_iteration_reads_nothing_from_the_device():
    class Parts(Hook):
        """What the hook reads of a runner."""

        iter, max_iters, hooks, train_dataloader = 0, 100, (), range(100)

    hook = DeferredRuntimeInfoHook()
    outputs = dict(loss=torch.rand(()), acc=torch.rand(1))
    with CountReads() as counter:
        for index in range(8):
            hook.after_train_iter(Parts(), index, outputs=outputs)
    assert not counter.found and len(hook._pending) == 16


def test_an_iteration_of_a_training_with_all_its_hooks_reads_nothing(tmp_path):
    """From the batch of the third iteration to the end of the hooks of the sixth, where no log is due."""
    counter = CountReads()

    class First(Hook):
        priority = 'HIGHEST'

        def before_train_iter(self, runner, *args, **kwargs):
            if runner.iter == 2:
                counter.__enter__()

    class Last(Hook):
        priority = 'LOWEST'

        def after_train_iter(self, runner, *args, **kwargs):
            if runner.iter == 5:
                counter.__exit__(None, None, None)
                runner.logged = True

    cfg = load_config('wsl_lse_shapes', work_dir=str(tmp_path))
    cfg.update(val_cfg=None, val_dataloader=None, val_evaluator=None, param_scheduler=None)
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=7)
    cfg.optim_wrapper.optimizer.fused = True  # as on a GPU
    cfg.train_dataloader.update(batch_size=2, num_workers=1)  # images are made in another process
    cfg.default_hooks.logger.interval = 7
    runner = train(cfg, hooks=[First(), Last()], check_data=False)
    assert runner.logged and not counter.found


@pytest.mark.gpu
def test_values_of_two_devices_keep_their_names():
    """A model may compute some of its values on the CPU."""

    class Parts(Hook):
        """What the hook reads of a runner."""

        iter, max_iters, hooks, train_dataloader = 0, 100, (), range(100)
        message_hub = MessageHub('two devices')

    hook = DeferredRuntimeInfoHook()
    for index in range(2):
        values = dict(a=torch.tensor(index + 0.25, device='cuda'), b=torch.tensor(index + 0.5), c=index + 0.75)
        hook.after_train_iter(Parts(), index, outputs=values)
    hook.flush(Parts())
    for name, value in dict(a=0.25, b=0.5, c=0.75).items():
        assert Parts.message_hub.get_scalar(f'train/{name}').data[0].tolist() == [value, 1 + value]
