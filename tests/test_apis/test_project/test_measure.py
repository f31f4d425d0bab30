"""Iterations are measured as the training computes them."""

import pytest
import torch
from mmengine.config import Config
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from mmwsl.apis import acceleration
from mmwsl.apis.project.measure import measure_steps


@pytest.fixture
def convolutions():
    """What is seen at the convolutions of training steps: dtype of the results, TF32, usual order of the weights."""
    seen = set()

    def record(module, inputs, output):
        if isinstance(module, nn.Conv2d) and module.training:
            seen.add((output.dtype, torch.backends.cuda.matmul.allow_tf32, module.weight.is_contiguous()))

    handle = register_module_forward_hook(record)
    yield seen
    handle.remove()


def load(tiny_config, tmp_path):
    cfg = Config.fromfile(tiny_config())
    cfg.work_dir = str(tmp_path / 'work')
    return cfg


@pytest.mark.parametrize(('amp', 'dtype'), [('off', torch.float32), ('bfloat16', torch.bfloat16)])
def test_the_precision_is_that_of_the_training(convolutions, tiny_config, tmp_path, amp, dtype):
    times = measure_steps(load(tiny_config, tmp_path), amp)
    assert times.step > 0 and times.forward > 0
    assert {seen[0] for seen in convolutions} == {dtype}


def test_what_a_gpu_switches_on_ends_with_the_measurement(convolutions, tiny_config, tmp_path, monkeypatch):
    monkeypatch.setattr(acceleration, 'get_device', lambda: 'cuda')
    before = torch.backends.cudnn.allow_tf32
    with acceleration.restored_tf32():
        torch.backends.cuda.matmul.allow_tf32 = False
        measure_steps(load(tiny_config, tmp_path), 'off')
        assert not torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = before
    assert {seen[:2] for seen in convolutions} == {(torch.float32, True)}
    assert not all(seen[2] for seen in convolutions)  # channels last
