"""The dense network gives the scores of shift-and-stitch."""

import pytest
import torch
from torch import nn

from mmwsl.inference.dense import ReceptiveField, receptive_field
from mmwsl.inference.dense.conversion import DilatedAvgPool2d, DilatedMaxPool2d

from .networks import compare, padded_stride, three_pools

pytestmark = pytest.mark.usefixtures('seeded')


@pytest.mark.parametrize('step', [1, 2, 4, 8])
def test_equal_everywhere_without_padding(step):
    difference, marked = compare(three_pools(), (77, 82), step)
    assert not marked.any()
    assert difference.max() < 1e-5


@pytest.mark.parametrize('step', [1, 2, 4, 8])
def test_with_padding_exactly_the_marked_locations_differ(step):
    difference, marked = compare(three_pools(padding=1), (45, 50), step)
    assert difference[~marked].max() < 1e-5
    assert marked.any() == (step < 8)
    assert (difference[marked] > 1e-5).all()


@pytest.mark.parametrize(
    'torchs, ours, arguments',
    [
        (nn.MaxPool2d, DilatedMaxPool2d, dict(kernel_size=2)),
        (nn.MaxPool2d, DilatedMaxPool2d, dict(kernel_size=3, stride=2, padding=1)),
        (
            nn.MaxPool2d,
            DilatedMaxPool2d,
            dict(kernel_size=(3, 2), stride=(1, 2), padding=(1, 0), dilation=(2, 1)),
        ),
        (nn.AvgPool2d, DilatedAvgPool2d, dict(kernel_size=3, stride=2)),
        (nn.AvgPool2d, DilatedAvgPool2d, dict(kernel_size=3, stride=2, padding=1)),
        (
            nn.AvgPool2d,
            DilatedAvgPool2d,
            dict(kernel_size=(2, 3), stride=2, padding=(1, 0), count_include_pad=False),
        ),
        (nn.AvgPool2d, DilatedAvgPool2d, dict(kernel_size=2, divisor_override=3)),
    ],
)
def test_poolings_without_dilation_equal_those_of_torch(torchs, ours, arguments):
    x = torch.randn(2, 3, 11, 14, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(ours(**arguments)(x), torchs(**arguments)(x))
    assert torch.autograd.gradcheck(ours(**arguments), x)


def test_dilated_average_equals_a_depthwise_convolution():
    x = torch.randn(2, 3, 11, 14, dtype=torch.float64)
    pool = DilatedAvgPool2d((2, 3), (1, 2), (3, 4))
    pool.dilation = (5, 2)
    weight = torch.full((3, 1, 2, 3), 1 / 6, dtype=torch.float64)
    expected = nn.functional.conv2d(x, weight, stride=(1, 2), padding=(3, 4), dilation=(5, 2), groups=3)
    torch.testing.assert_close(pool(x), expected)
    assert str(pool) == 'DilatedAvgPool2d(kernel_size=(2, 3), stride=(1, 2), padding=(3, 4), dilation=(5, 2))'


def test_a_map_smaller_than_the_window_is_rejected():
    message = r'DilatedMaxPool2d\(.*\): the padded map must not be smaller than a window, got \(1, 3, 7, 2\)\.'
    with pytest.raises(RuntimeError, match=message):
        DilatedMaxPool2d((2, 3), 1)(torch.zeros(1, 3, 8, 2))


@pytest.mark.parametrize('layer', [nn.Conv2d(3, 2, 3, 2), nn.MaxPool2d(3, 2), nn.AvgPool2d(3, 2)])
def test_a_single_layer_is_a_network(layer):
    difference, marked = compare(layer.eval(), (15, 16), 1)
    assert not marked.any() and difference.max() < 1e-6


@pytest.mark.parametrize(
    'pool', [nn.AvgPool2d(3, 2, 1, count_include_pad=False), nn.AvgPool2d(2, divisor_override=3), nn.MaxPool2d(2, 2, 1)]
)
def test_dense_poolings_keep_their_borders(pool):
    network = nn.Sequential(nn.Conv2d(3, 4, 3, 2), pool)
    difference, marked = compare(network, (31, 34), 1)
    assert difference[~marked].max() < 1e-5


def test_same_padding_by_name():
    network = nn.Sequential(
        nn.MaxPool2d(2), nn.Conv2d(3, 2, 3, padding='same', dilation=2), nn.Conv2d(2, 2, 2, padding='valid')
    )
    assert receptive_field(network)[0] == ReceptiveField(2, before=4, after=7) and padded_stride(network) == 2
    assert compare(network, (20, 22), 1)[0].max() < 1e-5
