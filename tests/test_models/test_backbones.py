"""Backbones: shapes of the paper, dilation, freezing, and checkpoints in which every key fits."""

import pytest
import torch
from mmengine.config import Config
from mmseg.models.backbones import MobileNetV2
from mmseg.registry import MODELS
from mmseg.utils import register_all_modules

from mmwsl.models.backbones.dilated_mobilenet_v2 import DilatedMobileNetV2, from_torchvision
from mmwsl.models.backbones.overfeat import OverFeat


def _torchvision_names(network):
    """Name the parameters of a network as torchvision does, by its structure: blocks in order, layers in order."""
    names = {}
    blocks = [block for layer in network.layers for block in getattr(network, layer)]
    stems = [('features.0', network.conv1), ('features.18', network.conv2)]
    for stem, module in stems:
        for part, index in (('conv', 0), ('bn', 1)):
            for key in getattr(module, part).state_dict():
                names[f'{stem}.{index}.{key}'] = getattr(module, part).state_dict()[key]
    for number, block in enumerate(blocks, 1):
        for position, module in enumerate(block.conv):
            last = position == len(block.conv) - 1
            for part, index in (('conv', 0), ('bn', 1)):
                path = f'{position + index}' if last else f'{position}.{index}'
                for key, value in getattr(module, part).state_dict().items():
                    names[f'features.{number}.conv.{path}.{key}'] = value
    return names


def _randomize(network):
    for value in network.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) + 0.1)


def test_overfeat_has_the_papers_shape():
    network = OverFeat(frozen_stages=6)
    assert network(torch.zeros(1, 3, 400, 400))[0].shape == (1, 1024, 29, 29)
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(convolutions) == 6
    assert not any(p.requires_grad for p in network.parameters())


def test_the_papers_head_on_overfeat_has_the_papers_shape():
    cfg = Config.fromfile('configs/lse/wsl_lse_overfeat_voc.py')
    register_all_modules()
    head = MODELS.build(cfg.model.decode_head)
    assert head.eval()([torch.zeros(1, 1024, 29, 29)]).shape == (1, 21, 21, 21)


def test_overfeat_warns_of_frozen_random_weights():
    with pytest.warns(UserWarning, match='OverFeat: 6 convolutions are frozen at random weights'):
        OverFeat(frozen_stages=6).init_weights()


def test_overfeat_freezes_the_first_convolutions_only():
    network = OverFeat(frozen_stages=2)
    trained = {name.split('.')[0] for name, p in network.named_parameters() if p.requires_grad}
    assert trained == {'conv3', 'conv4', 'conv5', 'conv6'}
    with pytest.raises(ValueError, match='`frozen_stages` must be an integer from 0 to 6'):
        OverFeat(frozen_stages=7)


@pytest.mark.parametrize('stride', [16, 8])
def test_dilation_keeps_the_features_of_the_original_grid(stride):
    """On the stride-32 grid, the features equal the features of the undilated network."""
    torch.manual_seed(0)
    coarse, dense = (DilatedMobileNetV2(output_stride=s, out_indices=(6,), frozen=True) for s in (32, stride))
    dense.load_state_dict(coarse.state_dict())
    x = torch.randn(1, 3, 64, 96)
    torch.testing.assert_close(dense(x)[0][..., :: 32 // stride, :: 32 // stride], coarse(x)[0], atol=1e-5, rtol=1e-4)


def test_stride_32_is_mmseg():
    ours, mmseg = DilatedMobileNetV2(output_stride=32), MobileNetV2()
    mmseg.load_state_dict(ours.state_dict())
    ours.eval()
    mmseg.eval()
    x = torch.randn(1, 3, 64, 64)
    for a, b in zip(ours(x), mmseg(x), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_frozen_network_does_not_change_in_training():
    network = DilatedMobileNetV2(out_indices=(6,), frozen=True)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    out = network.train()(torch.randn(2, 3, 32, 32))[0]
    assert not out.requires_grad
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)


def test_torchvision_checkpoint_loads_every_key(tmp_path):
    source = DilatedMobileNetV2(last_conv=True)
    _randomize(source)
    names = _torchvision_names(source)
    checkpoint = {**names, 'classifier.1.weight': torch.zeros(1000, 1280), 'classifier.1.bias': torch.zeros(1000)}
    assert len(checkpoint) == 314  # as in torchvision's mobilenet_v2
    torch.save(checkpoint, tmp_path / 'weights.pth')
    for last_conv in (True, False):
        network = DilatedMobileNetV2(
            last_conv=last_conv, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'weights.pth'))
        )
        network.init_weights()
        for key, value in network.state_dict().items():
            torch.testing.assert_close(value, source.state_dict()[key], rtol=0, atol=0, msg=key)


@pytest.mark.parametrize('damage', ['missing', 'unexpected'])
def test_a_key_that_does_not_fit_is_an_error(tmp_path, damage):
    checkpoint = _torchvision_names(DilatedMobileNetV2(last_conv=True))
    if damage == 'missing':
        del checkpoint['features.4.conv.1.0.weight']
    else:
        checkpoint['features.19.0.weight'] = torch.zeros(1)
    torch.save(checkpoint, tmp_path / 'weights.pth')
    network = DilatedMobileNetV2(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'weights.pth')))
    with pytest.raises(RuntimeError, match=r'layer3.0.conv.1.conv.weight|features.19.0.weight'):
        network.init_weights()


def test_real_checkpoint(weights_root):
    checkpoint = torch.load(weights_root / 'mobilenet_v2_imagenet.pth', map_location='cpu', weights_only=True)
    converted = from_torchvision(checkpoint)
    network = DilatedMobileNetV2(last_conv=True)
    assert converted.keys() == network.state_dict().keys()


def test_a_checkpoint_among_other_initializations_is_rejected():
    with pytest.raises(ValueError, match='`backbone.init_cfg` must be dict'):
        DilatedMobileNetV2(init_cfg=[dict(type='Pretrained', checkpoint='x.pth')] * 2).init_weights()


def test_bad_output_stride():
    with pytest.raises(ValueError, match=r'`output_stride` must be one of \[8, 16, 32\], got 4'):
        DilatedMobileNetV2(output_stride=4)
