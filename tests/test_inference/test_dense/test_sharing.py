"""A dense network shares the parameters of its network, and making one disturbs nothing."""

import pytest
import torch

from mmwsl.inference.dense import convert_to_dense

from .networks import three_pools

pytestmark = pytest.mark.usefixtures('seeded')


def test_parameters_are_shared_and_follow():
    network = three_pools()
    dense = convert_to_dense(network)
    x = torch.randn(1, 3, 60, 60)
    before = dense(x)
    ids = {id(t) for t in (*network.parameters(), *network.buffers())}
    assert {id(t) for t in (*dense.parameters(), *dense.buffers())} == ids
    network.load_state_dict({k: v * 1.5 if v.is_floating_point() else v for k, v in network.state_dict().items()})
    assert (dense(x) - before).abs().max() > 1e-3
    torch.testing.assert_close(dense(x)[..., ::8, ::8], network(x), atol=1e-5, rtol=1e-4)


def test_the_network_itself_does_not_change():
    network = three_pools(padding=1).train()
    text, state = str(network), {k: v.clone() for k, v in network.state_dict().items()}
    hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network.modules())
    dense = convert_to_dense(network, 2)
    assert str(network) == text and network.training and not dense.training
    assert hooks == sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network.modules())
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, state[key], rtol=0, atol=0)


def test_a_dense_network_can_be_made_denser():
    network = three_pools(padding=1)
    x = torch.randn(1, 3, 40, 44)
    torch.testing.assert_close(
        convert_to_dense(convert_to_dense(network, 4), 1)(x), convert_to_dense(network, 1)(x), atol=1e-6, rtol=0
    )


def test_the_check_draws_no_random_numbers():
    network, state = three_pools(), torch.get_rng_state()
    convert_to_dense(network)
    assert torch.equal(torch.get_rng_state(), state)


def test_autocast_does_not_disturb_the_check():
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert convert_to_dense(three_pools())(torch.randn(1, 3, 64, 64)).dtype == torch.bfloat16
