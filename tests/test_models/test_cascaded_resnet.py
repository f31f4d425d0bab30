"""Cascaded dilated modules of DeepLab v3: strides, rates, copies."""

import pytest
import torch
from mmengine.registry import init_default_scope

from mmwsl.models import CascadedResNet

SLIM = dict(depth=50, base_channels=4, stem_channels=4)


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmseg')


def network(**settings):
    torch.manual_seed(0)
    backbone = CascadedResNet(**{**SLIM, **settings})
    backbone.eval()
    return backbone


def blocks_of(backbone):
    return [backbone.layer3, backbone.layer4, *backbone.cascade]


def touched(unit):
    """Return the largest step between an output of a unit and the inputs that it depends on, and the set of steps."""
    with torch.no_grad():
        for parameter in unit.parameters():
            parameter.fill_(0.1)  # no input is cut off by a ReLU
    side = 4 * max(unit.conv2.dilation) + 1
    channels = unit.conv1.in_channels
    pixels = torch.ones(1, channels, side, side, requires_grad=True)
    center = side // 2
    unit(pixels)[0, 0, center, center].backward()
    rows = torch.nonzero(pixels.grad.abs().sum((0, 1, 3))).flatten() - center
    return rows.tolist()


@pytest.mark.parametrize(
    ('stride', 'base_rates'),
    [
        (8, [2, 4, 8, 16, 32]),
        (16, [1, 2, 4, 8, 16]),
        (32, [1, 1, 2, 4, 8]),
        (64, [1, 1, 1, 2, 4]),
        (256, [1, 1, 1, 1, 1]),
    ],
)
@pytest.mark.parametrize('multi_grid', [(1, 1, 1), (1, 2, 4)])
def test_rates_and_stride_of_the_output(stride, base_rates, multi_grid):
    backbone = network(output_stride=stride, multi_grid=multi_grid)
    rates = [[unit.conv2.dilation[0] for unit in block] for block in blocks_of(backbone)]
    assert rates[0] == [base_rates[0]] * 6  # multi-grid begins at block 4
    assert rates[1:] == [[base * rate for rate in multi_grid] for base in base_rates[1:]]
    (features,) = backbone(torch.zeros(1, 3, 256, 512))
    assert features.shape == (1, 128, 256 // stride, 512 // stride)


@pytest.mark.parametrize('stride', [8, 16])
def test_units_look_as_far_as_their_rates(stride):
    backbone = network(output_stride=stride, multi_grid=(1, 2, 1))
    for block, base in zip([backbone.layer4, *backbone.cascade], [32 // stride * 2**i for i in range(4)], strict=True):
        for unit, rate in zip(block, (1, 2, 1), strict=True):
            assert touched(unit) == [-base * rate, 0, base * rate]


@pytest.mark.parametrize('depth', [18, 50])
def test_blocks_start_as_copies_with_their_own_parameters(depth):
    backbone = network(depth=depth, multi_grid=(1,) * (2 if depth == 18 else 3))
    for norm in (module for module in backbone.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        norm.running_mean.normal_()
    backbone.init_weights()
    for block in backbone.cascade:
        for i, unit in enumerate(block):
            source = backbone.layer4[max(i, 1)]
            for name, value in source.state_dict().items():
                assert torch.equal(value, unit.state_dict()[name]), name
            pairs = zip(source.parameters(), unit.parameters(), strict=True)
            assert not any(a.data_ptr() == b.data_ptr() for a, b in pairs)
    with torch.no_grad():
        backbone.cascade[0][1].conv1.weight.zero_()
    assert backbone.layer4[1].conv1.weight.any() and backbone.cascade[1][1].conv1.weight.any()


def test_a_checkpoint_of_the_resnet_is_copied(tmp_path):
    source = network()
    source.init_weights()
    for parameter in source.layer4.parameters():
        torch.nn.init.normal_(parameter)
    torch.save({k: v for k, v in source.state_dict().items() if 'cascade' not in k}, tmp_path / 'resnet.pth')
    loaded = CascadedResNet(**SLIM, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'resnet.pth')))
    loaded.init_weights()
    for block in (loaded.layer4, *loaded.cascade):
        assert torch.equal(block[2].conv3.weight, source.layer4[2].conv3.weight)
    assert torch.equal(loaded.layer4[0].conv1.weight, source.layer4[0].conv1.weight)


def test_four_blocks_are_a_resnet():
    backbone = network(num_blocks=4)
    assert not backbone.cascade and backbone(torch.zeros(1, 3, 64, 64))[0].shape == (1, 128, 4, 4)


def test_every_parameter_trains():
    backbone = network(zero_init_residual=False)
    backbone.train()
    backbone.init_weights()
    backbone(torch.randn(2, 3, 64, 64))[0].square().sum().backward()
    assert all(parameter.grad is not None for parameter in backbone.parameters())


@pytest.mark.parametrize(
    ('settings', 'match'),
    [
        (dict(num_blocks=3), '`num_blocks` must be at least 4, got 3'),
        (dict(output_stride=12), r'`output_stride` must be one of \[4, 8, 16, 32, 64, 128, 256\], got 12'),
        (dict(num_blocks=4, output_stride=64), r'one of \[4, 8, 16, 32\], got 64'),
        (dict(multi_grid=(1, 2)), r'for each of the 3 units .* got \(1, 2\)'),
        (dict(multi_grid=(1, 2, 0)), r'positive rate .* got \(1, 2, 0\)'),
    ],
)
def test_invalid_settings(settings, match):
    with pytest.raises(ValueError, match=match):
        network(**settings)
