"""Steps between the pixels that the blocks of a dilated network look at."""

import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

import mmwsl


def step(block, channels):
    """Return the distance of the inputs that reach one output of a block, beside the one in its place."""
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.fill_(0.1)  # no input is cut off by a ReLU
    pixels = torch.ones(1, channels, 33, 33, requires_grad=True)
    block(pixels)[0, 0, 16, 16].backward()
    (rows,) = torch.nonzero(pixels.grad.abs().sum((0, 1, 3)), as_tuple=True)
    assert rows.tolist() == [16 - (rows[2] - 16), 16, rows[2]]
    return int(rows[2] - 16)


@pytest.mark.parametrize('name', ['fsl_deeplabv3_voc', 'fsl_deeplabv3plus_voc', 'psl_deeplabv3plus_resnet50_folder'])
def test_multi_grid_multiplies_the_dilation_of_stride_16(name):
    """DeepLab v3 (Chen et al., 2017, section 4.2.1): the rates (1, 2, 4) times 2, the dilation of the last stage."""
    init_default_scope('mmseg')
    backbone = MODELS.build(dict(mmwsl.get_config(name).model.backbone, init_cfg=None, depth=50))
    backbone.eval()
    assert [step(block, 2048) for block in list(backbone.layer4)[1:]] == [4, 8]
    first = backbone.layer4[0]
    assert first.conv2.dilation == (2, 2) and first.conv2.stride == (1, 1)
    assert [step(block, 1024) for block in list(backbone.layer3)[1:]] == [1] * 5
