"""Dense networks in float64, and in float64 inside a float32 one."""

import pytest
import torch
from torch import nn

from mmwsl.functional import shift_and_stitch
from mmwsl.inference.dense import Float64, convert_to_dense

from .networks import Net, three_pools

pytestmark = pytest.mark.usefixtures('seeded')


def test_float64_and_batches():
    network = three_pools().double()
    x = torch.randn(3, 3, 64, 64, dtype=torch.float64)
    torch.testing.assert_close(convert_to_dense(network)(x), shift_and_stitch(network, x, 8), atol=1e-12, rtol=0)


def test_float64_inside_follows_the_weights():
    network = three_pools()
    inside = Float64(convert_to_dense(network))
    x = torch.randn(1, 3, 60, 60, requires_grad=True)
    with torch.no_grad():
        network[0].weight.mul_(2)
    exact = convert_to_dense(three_pools().double())
    exact.load_state_dict(network.state_dict())
    with torch.autocast('cpu', dtype=torch.bfloat16):
        scores = inside(x)
    assert torch.equal(scores, exact(x.double()).float())
    (gradient,) = torch.autograd.grad(scores.sum(), x)
    assert gradient.dtype == torch.float32 and gradient.abs().sum() > 0
    assert all(parameter.dtype == torch.float32 for parameter in network.parameters())


def test_float64_inside_keeps_several_maps():
    """A small number beside a large one: float32 loses it."""
    maps = Float64(Net(lambda m, x: [x - x, x * 0 + 1 + 1e-9 - 1]).eval())(torch.ones(1, 3, 8, 8))
    assert isinstance(maps, tuple) and [one.dtype for one in maps] == [torch.float32] * 2
    assert (maps[0] == 0).all() and maps[1].detach().mean().item() == pytest.approx(1e-9, rel=1e-6)


def test_float64_inside_leaves_the_modes():
    """A network counts as training when it is made; parts of it are not."""
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    network[1].eval()
    Float64(network)
    assert network.training and network[0].training and not network[1].training
