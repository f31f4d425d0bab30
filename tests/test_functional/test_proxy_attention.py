"""Proxy attention and its guard against locations that are all alike."""

import math

import pytest
import torch

from mmwsl.functional import proxy_attention, proxy_weights


def features_of(similarity):
    """Return two unit vectors with a cosine similarity, ``(1, 2, 2)``."""
    return torch.tensor([[[1.0, 0.0], [similarity, math.sqrt(1 - similarity**2)]]])


@pytest.mark.parametrize('similarity', [0.2, 0.9])
def test_two_locations_attend_to_themselves(similarity):
    """At 0.2 the other location is below 1.2 times the mean; at 0.9 each location itself is, too: the guard."""
    values = torch.randn(1, 2, 3)
    torch.testing.assert_close(proxy_attention(features_of(similarity), values), values)
    torch.testing.assert_close(proxy_weights(features_of(similarity))[0], torch.eye(2))


def test_weights_are_the_softmax_of_similar_locations():
    features = torch.randn(2, 7, 4, dtype=torch.float64)
    weights = proxy_weights(features)
    for n in range(2):
        cosine = torch.nn.functional.cosine_similarity(features[n, :, None], features[n, None], dim=-1)
        for i in range(7):
            z = [3 * (cosine[i, j] - 1.2 * cosine.mean()).item() for j in range(7)]
            e = [math.exp(value) if value >= 0 or i == j else 0 for j, value in enumerate(z)]
            expected = torch.tensor([value / sum(e) for value in e], dtype=torch.float64)
            torch.testing.assert_close(weights[n, i], expected)
    torch.testing.assert_close(weights.sum(2), torch.ones(2, 7, dtype=torch.float64))


def test_an_image_does_not_depend_on_the_others():
    features, values = torch.randn(2, 6, 4), torch.randn(2, 6, 3)
    features[1] = 1 + 0.1 * features[1]  # all alike
    whole = proxy_attention(features, values)
    for n in range(2):
        torch.testing.assert_close(whole[n : n + 1], proxy_attention(features[n : n + 1], values[n : n + 1]))
    assert whole.isfinite().all()


def test_equal_features_are_finite_with_gradients():
    values = torch.randn(1, 5, 3, requires_grad=True)
    features = torch.ones(1, 5, 4, requires_grad=True)
    proxy_attention(features, values).sum().backward()
    assert values.grad.isfinite().all() and features.grad.isfinite().all()
    features, values = torch.randn(1, 4, 3, dtype=torch.float64), torch.randn(1, 4, 2, dtype=torch.float64)
    assert torch.autograd.gradcheck(proxy_attention, (features.requires_grad_(), values.requires_grad_()))


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    features, values = torch.randn(1, 5, 4).to(dtype), torch.randn(1, 5, 3).to(dtype)
    torch.testing.assert_close(proxy_attention(features, values), proxy_attention(features.float(), values.float()))


def test_errors():
    with pytest.raises(ValueError, match='same images and locations'):
        proxy_attention(torch.ones(1, 5, 4), torch.ones(1, 4, 4))
    with pytest.raises(ValueError, match='`gamma` must be'):
        proxy_attention(torch.ones(1, 5, 4), torch.ones(1, 5, 4), gamma=0)
    with pytest.raises(ValueError, match='finite'):
        proxy_attention(torch.full((1, 5, 4), torch.nan), torch.ones(1, 5, 4))
