"""The receptive field is exactly the pixels that a location depends on."""

import pytest
import torch
from torch import nn

from mmwsl.inference.dense import ReceptiveField, convert_to_dense, receptive_field
from mmwsl.models import LSEAggregationHead, OverFeat

from .networks import padded_stride

pytestmark = pytest.mark.usefixtures('seeded')


def test_gradients_reach_the_image():
    """The gradient of a location is non-zero exactly in its receptive field."""
    network = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.AvgPool2d(3, 2, 1), nn.Conv2d(4, 1, 3, padding=1)).double()
    rows, columns = receptive_field(network)
    assert rows == columns == ReceptiveField(stride=4, before=7, after=7) and rows.size == 15
    assert padded_stride(network, 0) == padded_stride(network, 1) == 1
    for net, step in ((network, 4), (convert_to_dense(network, 2), 2)):
        field, _ = receptive_field(net)
        x = torch.randn(1, 3, 41, 41, dtype=torch.float64, requires_grad=True)
        location = 20 // step
        (gradient,) = torch.autograd.grad(net(x)[0, 0, location, location], x)
        seen = gradient[0].abs().sum((0, 2)).nonzero()
        assert (field.stride, field.before, field.after) == (step, 7, 7)
        assert (seen.min(), seen.max()) == (location * step - field.before, location * step + field.after)
        assert field.center == 0


def test_the_receptive_field_of_the_paper_is_245_pixels_long():
    """OverFeat and the head without padding: with the config's padding of the input, location 0 is at 74 - 68 = 6."""
    with torch.device('meta'):
        network = nn.Sequential(OverFeat(), LSEAggregationHead(1024, num_classes=21, same_padding=False))
    field, _ = receptive_field(network)
    assert (field.stride, field.size, field.center) == (12, 245, 74)
    assert field.locations(400) == 21
