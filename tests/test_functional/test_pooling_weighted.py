"""Softmax-weighted aggregations: definition, limits and gradients."""

import math

import pytest
import torch

from mmwsl.functional import attention_pool, global_average_pool, global_max_pool, softmax_pool

from .helpers import random_scores


def _weighted(scores, exponents):
    result = torch.zeros(scores.shape[:2], dtype=torch.float64)
    for n, k in torch.cartesian_prod(*(torch.arange(size) for size in scores.shape[:2])).tolist():
        weights = [math.exp(value) for value in exponents[n, k].flatten().tolist()]
        values = scores[n, k].flatten().tolist()
        result[n, k] = sum(w * s for w, s in zip(weights, values, strict=True)) / sum(weights)
    return result


@pytest.mark.parametrize('sharpness', [-3.0, 0.5, 1.0, 5.0])
def test_softmax_pool_is_its_formula(sharpness):
    scores = random_scores(2, 3, 4, 5)
    torch.testing.assert_close(softmax_pool(scores, sharpness), _weighted(scores, sharpness * scores))


def test_softmax_pool_limits():
    scores = random_scores(2, 3, 4, 5)
    torch.testing.assert_close(softmax_pool(scores, 0.0), global_average_pool(scores))
    torch.testing.assert_close(softmax_pool(scores, 1e4), global_max_pool(scores))
    torch.testing.assert_close(softmax_pool(scores, -1e4), -global_max_pool(-scores))


def test_gradient_of_softmax_pool_is_negative_far_below_the_result():
    scores = random_scores(2, 3, 4, 5).requires_grad_()
    pooled = softmax_pool(scores, 2.0)
    pooled.sum().backward()
    weights = (2 * scores.detach()).flatten(2).softmax(2).view_as(scores)
    below = scores.detach() - pooled.detach()[:, :, None, None]
    torch.testing.assert_close(scores.grad, weights * (1 + 2 * below))
    assert torch.equal(scores.grad < 0, below < -0.5) and (below < -0.5).any()


def test_sharpness_per_class_equals_one_call_for_each_and_has_a_gradient():
    scores, sharpness = (
        random_scores(2, 3, 4, 4),
        torch.tensor([-1.0, 0.0, 8.0], dtype=torch.float64, requires_grad=True),
    )
    expected = torch.cat([softmax_pool(scores[:, k : k + 1], sharpness[k].item()) for k in range(3)], 1)
    torch.testing.assert_close(softmax_pool(scores, sharpness), expected)
    assert torch.autograd.gradcheck(lambda r: softmax_pool(scores, r), sharpness)


def test_padding_gives_the_sharpness_no_gradient():
    scores = torch.full((1, 2, 3, 3), 1e30, dtype=torch.float64)
    scores[:, :, :2, :2] = random_scores(1, 2, 2, 2)
    valid = torch.zeros(1, 3, 3, dtype=torch.bool)
    valid[:, :2, :2] = True
    padded, unpadded = (torch.ones(2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    softmax_pool(scores, padded, valid).sum().backward()
    softmax_pool(scores[:, :, :2, :2], unpadded).sum().backward()
    torch.testing.assert_close(padded.grad, unpadded.grad)


@pytest.mark.parametrize('channels', [3, 1])
def test_attention_pool_is_its_formula(channels):
    scores, attention = random_scores(2, 3, 4, 5), random_scores(2, channels, 4, 5, seed=1)
    torch.testing.assert_close(attention_pool(scores, attention), _weighted(scores, attention.expand_as(scores)))


def test_attention_limits():
    scores = random_scores(2, 3, 4, 5)
    torch.testing.assert_close(attention_pool(scores, torch.full_like(scores, 7.0)), global_average_pool(scores))
    torch.testing.assert_close(attention_pool(scores, 2 * scores), softmax_pool(scores, 2.0))
    attention = torch.zeros_like(scores)
    attention[:, :, 1, 2] = 100.0
    torch.testing.assert_close(attention_pool(scores, attention), scores[:, :, 1, 2])


def test_scores_and_attention_have_a_gradient_at_valid_locations():
    scores, attention = (random_scores(2, 3, 3, 3, seed=seed).requires_grad_() for seed in (0, 1))
    valid = torch.ones(2, 3, 3, dtype=torch.bool)
    valid[1, :, 1:] = False
    assert torch.autograd.gradcheck(lambda s, a: attention_pool(s, a, valid), (scores, attention))
    attention_pool(scores, attention, valid).sum().backward()
    for leaf in (scores, attention):
        assert torch.equal(leaf.grad.abs().sum(1) > 0, valid)


def test_attention_far_below_gets_no_denormal_gradient():
    scores = torch.rand(1, 1, 28, 28, requires_grad=True)
    attention = (-200 * torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))).requires_grad_()
    attention_pool(scores, attention).sum().backward()
    for leaf in (scores, attention):
        assert ((leaf.grad == 0) | (leaf.grad.abs() > 1e-14)).all()
    assert (attention.grad == 0).any()


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda s: softmax_pool(s, math.inf), '`sharpness` must be a finite number, got inf'),
        (lambda s: softmax_pool(s, math.nan), '`sharpness` must be a finite number, got nan'),
        (
            lambda s: softmax_pool(s, torch.ones(2)),
            r'`sharpness` must have one value for each of the 3 classes.*\(2,\)',
        ),
        (lambda s: attention_pool(s, s[:, :2]), r'`attention` must have the shape \(1, 3, 2, 2\).*got \(1, 2, 2, 2\)'),
        (lambda s: attention_pool(s, s[0]), r'`attention` must have the shape .* got \(3, 2, 2\)'),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call(torch.zeros(1, 3, 2, 2))
