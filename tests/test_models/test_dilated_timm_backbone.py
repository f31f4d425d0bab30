"""Networks of timm as backbones: stride, weights from a file, freezing, and within the feature cache."""

import importlib.util
import sys

import pytest
import torch
from torch import nn

from mmwsl.models import CachedBackbone, DilatedTIMMBackbone

REASON = 'the extra `timm` is not installed (pip install -e ".[timm]")'
needs_timm = pytest.mark.skipif(importlib.util.find_spec('timm') is None, reason=REASON)
LAST_STAGES = dict(resnet18='layer4', tf_efficientnet_lite0='blocks.6', convnext_atto='stages.3')


def create(name):
    """Return a complete network of timm in which every parameter is random."""
    import timm

    network = timm.create_model(name).eval()
    for key, value in network.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape) + 0.5 if key.endswith('running_var') else torch.randn(value.shape) / 10)
    return network


def save(network, path):
    # As torchvision's older files.
    content = {key: value for key, value in network.state_dict().items() if not key.endswith('num_batches_tracked')}
    torch.save(content, path)
    return dict(type='Pretrained', checkpoint=str(path))


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """Nothing is downloaded."""
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    monkeypatch.setattr('torch.hub.download_url_to_file', None)
    torch.manual_seed(0)


@needs_timm
@pytest.mark.parametrize('name', LAST_STAGES)
@pytest.mark.parametrize('stride', [32, 16])
def test_the_output_stride_and_the_weights_of_a_file(name, stride, tmp_path):
    """At stride 32 the last map equals the features of the complete network."""
    network = create(name)
    backbone = DilatedTIMMBackbone(name, stride, (-2, -1), frozen=True, init_cfg=save(network, tmp_path / 'w.pth'))
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    backbone.init_weights()
    assert not all(torch.equal(value, before[key]) for key, value in backbone.state_dict().items())
    x = torch.randn(2, 3, 96, 128)
    maps = backbone.train()(x)
    assert isinstance(maps, tuple)
    assert [tuple(m.shape[2:]) for m in maps] == [(6, 8), (3, 4) if stride == 32 else (6, 8)]
    assert backbone.out_channels == tuple(m.shape[1] for m in maps)
    assert not maps[-1].requires_grad and not backbone.training
    if stride == 32:
        levels = []
        last_stage = network.get_submodule(LAST_STAGES[name])
        with torch.no_grad(), last_stage.register_forward_hook(lambda *call: levels.append(call[2])):
            network(x)
        torch.testing.assert_close(maps[-1], levels[0], rtol=1e-4, atol=1e-4)
        assert levels[0].std() > 0


@needs_timm
def test_weights_of_a_network_with_other_options(tmp_path):
    """The weights of the complete network have the options of `timm.create_model`, too."""
    import timm

    init_cfg = save(timm.create_model('resnet18', block_args=dict(attn_layer='se')), tmp_path / 'w.pth')
    backbone = DilatedTIMMBackbone('resnet18', init_cfg=init_cfg, block_args=dict(attn_layer='se'))
    backbone.init_weights()
    saved = torch.load(init_cfg['checkpoint'], weights_only=True)
    assert torch.equal(backbone.timm_model.layer4[1].se.fc1.weight, saved['layer4.1.se.fc1.weight'])


@needs_timm
def test_a_network_that_is_not_frozen_trains():
    backbone = DilatedTIMMBackbone('resnet18').train()
    assert backbone(torch.randn(2, 3, 32, 32))[0].requires_grad
    assert all(module.training for module in backbone.modules() if isinstance(module, nn.BatchNorm2d))


@needs_timm
def test_it_works_in_the_feature_cache(tmp_path):
    init_cfg = save(create('resnet18'), tmp_path / 'w.pth')
    settings = dict(type='mmwsl.DilatedTIMMBackbone', model_name='resnet18', out_indices=(2, 4), init_cfg=init_cfg)
    with pytest.raises(ValueError, match='`backbone` must be frozen'):
        CachedBackbone(settings, tmp_path / 'cache')
    cached = CachedBackbone(dict(settings, frozen=True), tmp_path / 'cache').train()
    cached.init_weights()
    x = torch.randn(2, 3, 64, 64)
    first, second = cached(x), cached(x)
    assert len(list((tmp_path / 'cache').rglob('*.npz'))) == 2
    for a, b, direct in zip(first, second, cached.eval()(x), strict=True):
        assert torch.equal(a, b)
        torch.testing.assert_close(a, direct, rtol=1e-2, atol=1e-3)


@needs_timm
@pytest.mark.parametrize(
    'other, error',
    [('resnet34', ValueError), ('tf_efficientnet_lite0', ValueError), ('a part', RuntimeError)],
)
def test_weights_of_another_network_are_an_error(other, error, tmp_path):
    network = create('resnet18' if other == 'a part' else other)
    if other == 'a part':
        del network.layer2
    backbone = DilatedTIMMBackbone('resnet18', init_cfg=save(network, tmp_path / 'w.pth'))
    with pytest.raises(error, match=r'must have the weights of resnet18 .* got \d+ other names|Missing key'):
        backbone.init_weights()


@needs_timm
@pytest.mark.parametrize(
    'settings', [dict(model_name='resnet17'), dict(output_stride=4), dict(out_indices=(7,)), dict(model_name='vgg11')]
)
def test_bad_arguments(settings):
    with pytest.raises(ValueError, match=r'`model_name` must be a network of timm that accepts .*, got'):
        DilatedTIMMBackbone(**dict(dict(model_name='resnet18'), **settings))


def test_without_timm_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, 'timm', None)
    with pytest.raises(ImportError, match=r'DilatedTIMMBackbone needs timm, .* pip install "mmwsl\[timm\]"'):
        DilatedTIMMBackbone('resnet18')
