"""Noisy-or and generalized mean against exact probabilities, limits and gradients."""

import math
from fractions import Fraction

import pytest
import torch

from mmwsl.functional import gem_pool, global_max_pool, noisy_or_pool

from .helpers import random_scores


def _logit(probability):
    return torch.log(probability) - torch.log1p(-probability)


def test_noisy_or_is_its_formula():
    scores = random_scores(2, 3, 2, 3)
    expected = torch.zeros(2, 3, dtype=torch.float64)
    for n in range(2):
        for k in range(3):
            absent = 1.0
            for score in scores[n, k].flatten().tolist():
                absent *= 1 - 1 / (1 + math.exp(-score))
            expected[n, k] = math.log((1 - absent) / absent)
    torch.testing.assert_close(noisy_or_pool(scores), expected)


def _exact_noisy_or(scores):
    """Compute the logit by rational arithmetic: the odds are the product of 1 + exp(s), minus 1."""
    product = Fraction(1)
    for score in scores.flatten().tolist():
        product *= 1 + Fraction(math.exp(score))
    odds = product - 1
    return math.log(odds.numerator) - math.log(odds.denominator)


@pytest.mark.parametrize('shift', [-80.0, -40.0, -17.0, -16.0, -10.0, -3.0, 0.0, 5.0, 40.0, 80.0])
def test_noisy_or_in_float32_at_any_score(shift):
    scores = random_scores(1, 1, 4, 4).float() + shift
    exact = _exact_noisy_or(scores.double())
    assert noisy_or_pool(scores).item() == pytest.approx(exact, rel=1e-6, abs=1e-6)


def test_noisy_or_is_at_least_the_maximum_and_grows_with_the_locations():
    scores = random_scores(2, 3, 4, 4)
    whole, part = noisy_or_pool(scores), noisy_or_pool(scores[:, :, :2])
    assert (whole > global_max_pool(scores)).all() and (whole > part).all()


def test_noisy_or_of_n_improbable_locations_is_log_n_above_one_location():
    scores = torch.full((1, 1, 7, 7), -20.0, dtype=torch.float64)
    assert noisy_or_pool(scores).item() == pytest.approx(-20 + math.log(49), abs=1e-6)


@pytest.mark.parametrize('shift', [-60.0, 0.0, 5.0])
def test_gradient_of_noisy_or_is_the_fraction_of_the_location(shift):
    scores = (random_scores(1, 2, 3, 3) + shift).requires_grad_()
    pooled = noisy_or_pool(scores)
    pooled.sum().backward()
    expected = scores.detach().sigmoid() / pooled.detach().sigmoid()[:, :, None, None]
    torch.testing.assert_close(scores.grad, expected)
    assert (scores.grad > 0).all()


@pytest.mark.parametrize('p', [0.5, 1.0, 3.0, 10.0])
def test_gem_is_its_formula(p):
    scores = random_scores(2, 3, 4, 5, scale=2.0)
    torch.testing.assert_close(gem_pool(scores, p), _logit(scores.sigmoid().pow(p).mean((2, 3)).pow(1 / p)))


def test_gem_limits():
    scores = random_scores(2, 3, 4, 5)
    torch.testing.assert_close(gem_pool(scores, 1.0), _logit(scores.sigmoid().mean((2, 3))))
    torch.testing.assert_close(gem_pool(scores, 1e5), global_max_pool(scores), rtol=0, atol=1e-3)
    geometric = scores.sigmoid().log().mean((2, 3)).exp()
    torch.testing.assert_close(gem_pool(scores, 1e-7), _logit(geometric), rtol=0, atol=1e-6)


def test_gem_grows_with_p():
    scores = random_scores(1, 3, 4, 4)
    values = [gem_pool(scores, p) for p in (0.1, 1.0, 3.0, 30.0)]
    assert all((low < high).all() for low, high in zip(values[:-1], values[1:], strict=True))


@pytest.mark.parametrize('p', [0.3, 1.0, 3.0, 30.0])
@pytest.mark.parametrize('shift', [-20.0, -10.0, -1.0, 0.0, 1.0, 10.0, 60.0])
def test_gem_in_float32_at_any_score(p, shift):
    """The reference is float64, by the complement where the probability would be rounded to 1."""
    scores = random_scores(1, 2, 4, 4).float() + shift
    exact = scores.double()
    if shift < 10:
        expected = _logit(exact.sigmoid().pow(p).mean((2, 3)).pow(1 / p))
    else:  # m ~ 1 - mean(1 - sigma), to first order in 1 - sigma
        expected = -torch.log(torch.sigmoid(-exact).mean((2, 3)))
    torch.testing.assert_close(gem_pool(scores, p).double(), expected, rtol=1e-5, atol=2e-3 if shift == 10.0 else 1e-5)


@pytest.mark.parametrize('p', [0.5, 3.0, 30.0])
@pytest.mark.parametrize('shift', [60.0, 1e2, 1e4])
def test_gem_of_certain_locations_is_the_soft_minimum(p, shift):
    """Of probabilities near 1, 1 - m is the mean of exp(-s), whatever p; also where float32 rounds them to 1."""
    scores = (random_scores(1, 2, 3, 3).float() + shift).requires_grad_()
    pooled = gem_pool(scores, p)
    doubles = scores.detach().double().flatten(2)
    expected = math.log(9) - torch.logsumexp(-doubles, 2)
    torch.testing.assert_close(pooled.double(), expected, rtol=1e-6, atol=1e-5)
    pooled.sum().backward()
    fractions = torch.softmax(-doubles, 2).view(1, 2, 3, 3)
    torch.testing.assert_close(scores.grad.double(), fractions, rtol=1e-3, atol=1e-5)


def test_gem_with_one_p_for_each_class():
    scores, p = random_scores(2, 3, 4, 4), torch.tensor([0.5, 2.0, 8.0], dtype=torch.float64, requires_grad=True)
    expected = torch.cat([gem_pool(scores[:, k : k + 1], p[k].item()) for k in range(3)], 1)
    torch.testing.assert_close(gem_pool(scores, p), expected)
    assert torch.autograd.gradcheck(lambda p: gem_pool(scores, p), p)


def test_gradient_of_gem_is_the_fraction_of_the_location():
    scores = random_scores(1, 2, 4, 4).requires_grad_()
    pooled = gem_pool(scores, 3.0)
    pooled.sum().backward()
    probs = scores.detach().sigmoid()
    fractions = probs**3 / (probs**3).sum((2, 3), keepdim=True)
    absent = torch.sigmoid(-pooled.detach())[:, :, None, None]
    torch.testing.assert_close(scores.grad, fractions * (1 - probs) / absent)
