"""PlainCNN: stride, receptive field, errors."""

import pytest
import torch

from mmwsl.models import PlainCNN


def test_stride_and_channels():
    network = PlainCNN(channels=(4, 8, 6), strides=(2, 1, 1), pools=(0, 2, 0))
    assert network(torch.zeros(2, 3, 96, 64))[0].shape == (2, 6, 24, 16)


def test_receptive_field():
    torch.manual_seed(0)
    network = PlainCNN(channels=(8, 8), strides=(2, 1), in_channels=1).eval()  # 3 + 2 * 2 = 7 pixels
    image = torch.rand(1, 1, 32, 32, requires_grad=True)
    network(image)[0][0, :, 8, 8].sum().backward()
    rows = image.grad[0, 0].abs().sum(1).nonzero().flatten()
    assert (rows.min(), rows.max()) == (13, 19)


@pytest.mark.parametrize(
    'settings',
    [
        dict(channels=()),
        dict(channels=(4, 4), strides=(2,)),
        dict(channels=(4, 4), pools=(0, 2, 0)),
    ],
)
def test_one_value_for_each_convolution(settings):
    with pytest.raises(ValueError, match='one value for each convolution'):
        PlainCNN(**settings)
