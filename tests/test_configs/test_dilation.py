"""Steps between the pixels that the blocks of a dilated network look at."""

import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

import mmwsl

NAMES = [
    f'{name}_{data}'
    for name in ('fsl_deeplabv3plus', 'psl_deeplabv3plus')
    for data in ('voc', 'coco')  # the depth of each config, but narrow
] + ['fsl_deeplabv3_voc', 'psl_deeplabv3plus_resnet50_folder']


def step(block):
    """Return the distance of the inputs that reach one output of a block, beside the one in its place."""
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.fill_(0.1)  # no input is cut off by a ReLU
    pixels = torch.ones(1, block.conv1.in_channels, 33, 33, requires_grad=True)
    block(pixels)[0, 0, 16, 16].backward()
    (rows,) = torch.nonzero(pixels.grad.abs().sum((0, 1, 3)), as_tuple=True)
    assert rows.tolist() == [16 - (rows[2] - 16), 16, rows[2]]
    return int(rows[2] - 16)


@pytest.mark.parametrize('name', NAMES)
def test_multi_grid_multiplies_the_dilation_of_stride_16(name):
    """DeepLab v3 (Chen et al., 2017, section 4.2.1): the rates (1, 2, 4) times 2, the dilation of the last stage."""
    init_default_scope('mmseg')
    settings = mmwsl.get_config(name).model.backbone
    backbone = MODELS.build(dict(settings, init_cfg=None, base_channels=4, stem_channels=4))
    backbone.eval()
    assert [step(block) for block in backbone.layer4] == [2, 4, 8]
    assert {step(block) for block in list(backbone.layer3)[1:]} == {1}
    assert backbone.layer4[0].conv2.stride == (1, 1)
