"""Aggregation, losses and training steps give the same results on a GPU and on a CPU."""

import copy

import pytest
import torch
from mmengine.optim import build_optim_wrapper

from mmwsl.apis.training import main
from mmwsl.engine.bfloat16 import BFloat16OptimWrapper
from mmwsl.models import CachedBackbone, DilatedMobileNetV2
from mmwsl.registry import MODELS
from tests.test_models.test_aggregation_head import HEAD, _batch, _model
from tests.test_models.test_aggregators import CONFIGS
from tests.test_models.test_device_reads import model_of

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize('config', CONFIGS, ids=lambda config: config['type'])
def test_an_aggregator_and_its_gradient(config):
    torch.manual_seed(0)
    valid = torch.rand(2, 9, 11) > 0.3
    results = []
    for device in ('cpu', 'cuda'):
        torch.manual_seed(1)
        scores = (5 * torch.randn(2, 3, 9, 11)).to(device).requires_grad_()
        pooled = MODELS.build(dict(config)).to(device)(scores, valid.to(device))
        pooled.square().sum().backward()
        results.append((pooled.detach().cpu(), scores.grad.cpu()))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('loss', ['MultiLabelSoftMarginLoss', 'SoftmaxCrossEntropyLoss', 'MILFCNLoss'])
def test_the_losses_of_a_step(loss):
    batch = _batch((32, 32), (24, 32))
    values = []
    for device in ('cpu', 'cuda'):
        model = _model(loss_decode=dict(type=f'mmwsl.{loss}')).to(device)
        found = model(**model.data_preprocessor(copy.deepcopy(batch), training=True), mode='loss')
        values.append({name: value.detach().cpu() for name, value in found.items()})
    torch.testing.assert_close(values[1], values[0], rtol=1e-3, atol=1e-4)


def test_a_step_of_an_aggregation_head_waits_for_nothing():
    """torch raises an error where the program would wait for the GPU."""
    model = model_of(HEAD).cuda()
    optimizer = dict(type='SGD', lr=0.1, momentum=0.9, fused=True)
    wrapper = build_optim_wrapper(model, dict(type=BFloat16OptimWrapper, optimizer=optimizer))
    model.train_step(_batch((32, 32), (24, 32)), wrapper)  # constants are made once
    batch = _batch((32, 32), (24, 32))
    torch.cuda.set_sync_debug_mode('error')
    try:
        model.train_step(batch, wrapper)
    finally:
        torch.cuda.set_sync_debug_mode('default')


def test_features_channels_last_in_bfloat16():
    torch.manual_seed(0)
    network = DilatedMobileNetV2(out_indices=(6,)).eval()
    image = torch.randn(1, 3, 96, 96)
    with torch.no_grad():
        exact = network(image)[0]
        network = network.cuda().to(memory_format=torch.channels_last)
        with torch.autocast('cuda', dtype=torch.bfloat16):
            rounded = network(image.cuda())[0].float().cpu()
    assert torch.corrcoef(torch.stack([exact.flatten(), rounded.flatten()]))[0, 1] > 0.99


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_cached_and_computed_features_in_one_batch(tmp_path, dtype):
    cached = CachedBackbone(dict(type='mmwsl.DilatedMobileNetV2', frozen=True), tmp_path).cuda().train()
    images = torch.randn(3, 3, 64, 64).cuda()
    with torch.autocast('cuda', dtype=dtype, enabled=dtype != torch.float32):
        cached(images[:1])
        (half_filled,), (full,) = cached(images), cached(images)
    assert half_filled.is_cuda and half_filled.dtype == images.dtype
    torch.testing.assert_close(half_filled, full, rtol=0, atol=0)


@pytest.mark.parametrize('amp', ['off', 'bfloat16', 'float16'])
def test_a_training_and_its_resumption(tiny_config, tmp_path, amp):
    config = str(tiny_config())
    for length, more in ((2, []), (4, ['--resume'])):
        options = [f'train_cfg.max_iters={length}', f'experiment_name={tmp_path.name}_{amp}_{length}']
        main([config, '--work-dir', str(tmp_path / amp), '--amp', amp, *more, '--cfg-options', *options])
    state = torch.load(tmp_path / amp / 'iter_4.pth', weights_only=True)['state_dict']
    assert all(value.isfinite().all() for value in state.values())
