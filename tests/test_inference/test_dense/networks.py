"""Small networks, and the comparison of their dense versions with shift-and-stitch."""

import math

import torch
from torch import nn

from mmwsl.functional import shift_and_stitch
from mmwsl.inference.dense import convert_to_dense, trace


def three_pools(padding=0, bias=True):
    """Three poolings, of three kinds, between convolutions of three kinds."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=padding, bias=bias),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 12, (3, 5), padding=(padding, 2 * padding), groups=4),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(12, 12, 3, dilation=2, padding=2 * padding),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, padding),
        nn.Conv2d(12, 5, 3, padding=padding),
    ).eval()


class Net(nn.Module):
    """A convolution of stride 2, followed by a function of the network and its map."""

    def __init__(self, forward, **layers):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, 2, 1)
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.run = forward

    def forward(self, x):
        return self.run(self, self.conv(x))


def score(network):
    """Return the network as a function of images to its last map, without gradients."""

    def last_map(x):
        with torch.no_grad():
            out = network(x)
        return out[-1] if isinstance(out, tuple) else out

    return last_map


def padded_stride(network, axis=0):
    """Return the stride of the input of the first layer that pads along an axis, infinity if none does."""
    modules = dict(network.named_modules())
    strides = [math.inf]
    for name, input_stride in trace(network).layers.items():
        padding = modules[name].padding
        if padding == 'same' or not isinstance(padding, str) and torch.tensor(padding).expand(2)[axis] > 0:
            strides.append(input_stride[axis])
    return min(strides)


def marked(network, step, shape):
    r"""Mark the locations of a dense map that shift-and-stitch may score differently, because of padding.

    Location q belongs to the shift delta = t q mod S. Its image lacks delta rows, and a layer pads zeros in their
    place. A layer whose input has a larger stride than the shift pads the same zeros in both. Other locations differ
    if their receptive field crosses the first border of the shifted image.
    """
    axes = []
    for axis, (field, count) in enumerate(zip(trace(network).outputs[-1], shape[-2:], strict=True)):
        pixels = torch.arange(count) * step
        shift = pixels % field.stride
        axes.append((shift >= padded_stride(network, axis)) & (pixels - shift < field.before))
    return axes[0][:, None] | axes[1]


def compare(network, size, step):
    """Return the largest difference at each location, and the locations at which one is allowed."""
    torch.manual_seed(1)
    x = torch.randn(1, 3, *size, dtype=next((p.dtype for p in network.parameters()), None))
    stitched = shift_and_stitch(score(network), x, trace(network).outputs[-1][0].stride, step)
    dense = score(convert_to_dense(network, step))(x)
    assert dense.shape == stitched.shape
    return (dense - stitched).abs()[0].amax(0), marked(network, step, dense.shape)
