"""Iterations are measured as the training computes them."""

import time

import pytest
import torch
from mmengine.config import Config
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from mmwsl.apis import acceleration
from mmwsl.apis.project.measure import measure_mask, measure_steps
from mmwsl.apis.pseudo_labels.masks import MaskRule


def settings():
    """Return the settings of the process: TF32 of matrix products and of convolutions, search for algorithms."""
    return (
        torch.backends.cuda.matmul.allow_tf32,
        torch.backends.cudnn.allow_tf32,
        torch.backends.cudnn.benchmark,
    )


@pytest.fixture
def convolutions():
    """What is seen at convolutions: whether they train, dtype of results, settings, usual order of the weights."""
    seen = set()

    def record(module, inputs, output):
        if isinstance(module, nn.Conv2d):
            seen.add((module.training, output.dtype, *settings(), module.weight.is_contiguous()))

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
    assert {seen[1] for seen in convolutions if seen[0]} == {dtype}


def test_what_a_gpu_switches_on_ends_with_the_measurement(convolutions, tiny_config, tmp_path, monkeypatch):
    monkeypatch.setattr(acceleration, 'get_device', lambda: 'cuda')
    cfg = load(tiny_config, tmp_path)
    cfg.env_cfg.cudnn_benchmark = True
    products, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    with acceleration.restored_backends():
        products.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = False, False, False
        measure_steps(cfg, 'off')
        assert settings() == (False, False, False)
    training = {seen[1:] for seen in convolutions if seen[0]}
    assert {seen[:4] for seen in training} == {(torch.float32, True, True, True)}
    assert not all(seen[4] for seen in training)  # channels last
    assert {seen[2:5] for seen in convolutions if not seen[0]} == {(False, True, False)}  # as in label generation


def test_what_the_first_mask_of_a_process_takes_longer_is_not_counted():
    class SlowStart(MaskRule):
        masks: list = []

        def apply(self, codes, img_path=''):
            time.sleep(0.5 if not self.masks else 0.02)
            self.masks.append(super().apply(codes, img_path))

    rule = SlowStart(0.3, 0.6)
    seconds = measure_mask(rule, 'a.jpg', (40, 30))
    assert 0.02 <= seconds < 0.3
    assert len(rule.masks) == 2 and rule.masks[0].shape == (40, 30) and (rule.masks[0] > 0).any()
