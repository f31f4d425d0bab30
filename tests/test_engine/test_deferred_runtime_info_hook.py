"""The log is that of mmengine's hook, and no iteration reads a value from the device."""

import re

import pytest
import torch
from mmengine.hooks import Hook

from mmwsl.apis.training import main
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
