"""Discrepancy of the features of two networks: definition, limits, gradients of both."""

import pytest
import torch

from mmwsl.functional import feature_discrepancy_loss


def maps(seed, *shape):
    return torch.randn(*shape, generator=torch.manual_seed(seed), dtype=torch.float64)


def test_the_loss_equals_its_definition():
    first, second = maps(0, 2, 3, 4, 5), maps(1, 2, 3, 4, 5)
    cosines = [
        (f * g).sum() / (f.square().sum() * g.square().sum()).sqrt()
        for one, two in zip(first, second, strict=True)
        for f, g in zip(one, two, strict=True)
    ]
    expected = 2 * (1 + torch.stack(cosines).mean())
    torch.testing.assert_close(feature_discrepancy_loss(first, second), expected)


def test_limits():
    one = maps(0, 2, 3, 4, 5)
    assert feature_discrepancy_loss(one, 2 * one) == pytest.approx(4)
    assert feature_discrepancy_loss(one, -one) == pytest.approx(0, abs=1e-12)
    assert feature_discrepancy_loss(one, 0 * one) == pytest.approx(2)


def test_locations_of_the_padding_take_no_part():
    first, second = maps(0, 1, 3, 4, 5), maps(1, 1, 3, 4, 5)
    valid = torch.zeros(1, 4, 5, dtype=torch.bool)
    valid[:, :3, :2] = True
    expected = feature_discrepancy_loss(first[:, :, :3, :2], second[:, :, :3, :2])
    torch.testing.assert_close(feature_discrepancy_loss(first, second, valid), expected)
    none = feature_discrepancy_loss(first.requires_grad_(), second, torch.zeros_like(valid))
    none.backward()
    assert none == 2 and not first.grad.any()


def test_each_network_gets_the_gradient_of_one_direction():
    """Both move, and by half of the gradient that the loss would have without the stop."""
    first, second = (maps(seed, 2, 3, 4, 5).requires_grad_() for seed in (0, 1))
    feature_discrepancy_loss(first, second).backward()
    for moved, other in ((first, second), (second, first)):
        free = moved.detach().clone().requires_grad_()
        cosine = torch.nn.functional.cosine_similarity(free.flatten(2), other.detach().flatten(2), dim=2).mean()
        (expected,) = torch.autograd.grad(cosine, free)
        torch.testing.assert_close(moved.grad, expected)


def test_half_precision_is_computed_in_float32():
    first, second = maps(0, 1, 2, 64, 64).bfloat16(), maps(1, 1, 2, 64, 64).bfloat16()
    found = feature_discrepancy_loss(first, second)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, feature_discrepancy_loss(first.float(), second.float()))


def test_the_gradient_of_a_map_of_zeros_is_limited():
    first = torch.zeros(1, 1, 4, 4, requires_grad=True)
    feature_discrepancy_loss(first, torch.ones(1, 1, 4, 4)).backward()
    assert first.grad.isfinite().all() and first.grad.abs().max() <= 1e6


@pytest.mark.parametrize('shape', [(1, 3, 4, 4), (1, 2, 4, 5), (3, 4, 5)])
def test_maps_of_different_shapes_are_an_error(shape):
    with pytest.raises(ValueError, match=r'`first` and `second` must be \(N, C, H, W\) of one shape, got'):
        feature_discrepancy_loss(torch.zeros(shape), torch.zeros(1, 3, 4, 5))


@pytest.mark.parametrize('valid', [torch.ones(1, 4, 4, dtype=torch.bool), torch.ones(1, 4, 5)])
def test_a_wrong_map_of_locations_is_an_error(valid):
    with pytest.raises(ValueError, match='`valid` must be boolean of shape'):
        feature_discrepancy_loss(torch.zeros(1, 3, 4, 5), torch.zeros(1, 3, 4, 5), valid)
