"""Networks and strides without a dense equivalent are named."""

import pytest
from mmcv.cnn import ConvModule
from mmcv.cnn.bricks.conv2d_adaptive_padding import Conv2dAdaptivePadding
from torch import nn
from torch.nn import functional as F

from mmwsl.inference.dense import convert_to_dense, receptive_field

from .networks import Net, three_pools

pytestmark = pytest.mark.usefixtures('seeded')


@pytest.mark.parametrize('stride', [0, 3, 16, -1])
def test_a_stride_that_does_not_divide(stride):
    message = rf'`stride` must divide the stride 8 of the network, one of \[1, 2, 4, 8\], got {stride}'
    with pytest.raises(ValueError, match=message):
        convert_to_dense(three_pools(), stride)


@pytest.mark.parametrize(
    'network, message',
    [
        (Net(lambda m, x: m.p(x), p=nn.MaxPool2d(2, ceil_mode=True)), r'`p` \(MaxPool2d\) has ceil_mode=True'),
        (Net(lambda m, x: m.p(x)[0], p=nn.MaxPool2d(2, return_indices=True)), r'`p` \(MaxPool2d\) has return_indices'),
        (Net(lambda m, x: m.p(x), p=nn.Conv2d(3, 3, 3, padding=1, padding_mode='reflect')), "padding_mode='reflect'"),
        (Net(lambda m, x: m.p(x), p=nn.Conv2d(3, 3, 2, padding='same')), "padding='same' with an even kernel"),
        (Net(lambda m, x: m.p(x), p=Conv2dAdaptivePadding(3, 3, 3, 2)), 'has a forward of its own'),
        (
            Net(lambda m, x: m.p(x), p=ConvModule(3, 3, 3, padding=1, padding_mode='reflect')),
            '`pad` in `p.padding_layer`',
        ),
        (
            Net(lambda m, x: m.p(x), p=nn.AdaptiveAvgPool2d(2)),
            'lost before the output, by `adaptive_avg_pool2d` in `p`',
        ),
        (Net(lambda m, x: m.p(x), p=nn.Upsample(scale_factor=2)), 'lost before the output, by `interpolate` in `p`'),
        (Net(lambda m, x: m.p(x), p=nn.ConvTranspose2d(3, 3, 2, 2)), 'by `conv_transpose2d` in `p`'),
        (Net(lambda m, x: m.conv(F.max_pool2d(x, 2))), 'lost before `conv`, by `.*max_pool2d` in `Net`'),
        (Net(lambda m, x: F.conv2d(x, m.conv.weight)), 'by `conv2d` in `Net`'),
        (Net(lambda m, x: x * m.p(x.mean((2, 3), keepdim=True)), p=nn.Conv2d(3, 3, 1)), 'lost before `p`, by `mean`'),
        (Net(lambda m, x: m.conv(x)), r'`conv` is used at strides \(1, 1\) and \(2, 2\)'),
        (Net(lambda m, x: x[..., 1:, :]), 'lost before the output, by `__getitem__` in `Net`'),
    ],
)
def test_networks_without_a_dense_equivalent_are_named(network, message):
    with pytest.raises(ValueError, match=message):
        convert_to_dense(network.eval())


def test_maps_of_different_stride_are_named():
    """Of equal size by chance: a kernel of the map's size against a stride."""
    network = Net(lambda m, x: m.p(x) + m.q(x), p=nn.Conv2d(3, 3, 1, (2, 1)), q=nn.Conv2d(3, 3, (289, 1)))
    with pytest.raises(ValueError, match=r'`add` in `Net` combines maps of strides \[\(4, 2\), \(2, 2\)\]'):
        convert_to_dense(network)


def test_networks_that_combine_all_locations_are_rejected():
    network = Net(lambda m, x: x.flatten(2).softmax(2).reshape(x.shape))
    with pytest.raises(ValueError, match='by `flatten`'):
        convert_to_dense(network)
    network = Net(lambda m, x: x.softmax(2))
    with pytest.raises(RuntimeError, match='does not give the scores of Net'):
        convert_to_dense(network)


def test_receptive_field_needs_one_map():
    with pytest.raises(ValueError, match='`model` must give one map, but MobileNetV2Pair gives 2'):
        receptive_field(type('MobileNetV2Pair', (Net,), {})(lambda m, x: (x, x)))
