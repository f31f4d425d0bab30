"""Aggregations at extreme scores, in half precision, and with padding that is not finite."""

import math
from functools import partial

import pytest
import torch

from mmwsl.functional import (
    attention_pool,
    gem_pool,
    global_average_pool,
    global_max_pool,
    global_sum_pool,
    global_weighted_rank_pool,
    lse_pool,
    noisy_or_pool,
    softmax_pool,
    top_k_pool,
    weldon_pool,
    wildcat_pool,
)

from .helpers import random_scores

POOLS = {
    'average': global_average_pool,
    'sum': global_sum_pool,
    'max': global_max_pool,
    'lse': partial(lse_pool, r=5.0),
    'noisy-or': noisy_or_pool,
    'gem': partial(gem_pool, p=3.0),
    'softmax': partial(softmax_pool, sharpness=2.0),
    'attention': lambda scores, valid=None: attention_pool(scores, scores, valid),
    'rank': partial(global_weighted_rank_pool, d=0.9),
    'top k': partial(top_k_pool, k=3),
    'weldon': partial(weldon_pool, kmax=2, kmin=1),
    'wildcat': partial(wildcat_pool, kmax=2, kmin=2, alpha=0.5),
}
LEARNED = {'lse': lse_pool, 'gem': gem_pool, 'softmax': softmax_pool}
SHIFTS = [1e2, 1e4, -1e4]


def padded_scores(shift, padding, dtype):
    """Return scores around ``shift`` whose last column is padding, and the mask of the other columns."""
    scores, valid = (random_scores(2, 3, 4, 4) + shift).to(dtype), torch.ones(2, 4, 4, dtype=torch.bool)
    scores[:, :, :, 3] = padding
    valid[:, :, 3] = False
    return scores, valid


@pytest.mark.parametrize('name', POOLS)
@pytest.mark.parametrize('shift', [1e2, 1e4, -1e2, -1e4])
def test_equal_scores_and_gradients_at_any_height(name, shift):
    scores = torch.full((1, 2, 3, 4), shift, requires_grad=True)
    pooled = POOLS[name](scores)
    expected = {
        'sum': 12 * shift,
        'noisy-or': shift + math.log(12) if shift < 0 else 12 * shift,
        'weldon': 3 * shift,
        'wildcat': 1.5 * shift,
    }.get(name, shift)
    torch.testing.assert_close(pooled, torch.full((1, 2), expected), rtol=1e-4, atol=0)
    pooled.sum().backward()
    assert scores.grad.isfinite().all()
    gradient = {'sum': 12.0, 'noisy-or': 12.0 if shift > 0 else 1.0, 'weldon': 3.0, 'wildcat': 1.5}.get(name, 1.0)
    torch.testing.assert_close(scores.grad.sum((2, 3)), torch.full((1, 2), gradient), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('name', POOLS)
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('shift', [0.0, 1e2, 1e4, -1e4])
def test_half_precision_is_computed_in_float32(name, dtype, shift):
    scores = (random_scores(2, 3, 4, 4) + shift).to(dtype).requires_grad_()
    pooled = POOLS[name](scores)
    assert pooled.dtype == torch.float32
    torch.testing.assert_close(pooled, POOLS[name](scores.detach().float()))
    pooled.sum().backward()
    assert scores.grad.isfinite().all() and scores.grad.any()


@pytest.mark.parametrize('name', POOLS)
@pytest.mark.parametrize('padding', [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16])
def test_padding_that_is_not_finite_takes_no_part(name, padding, dtype):
    scores, valid = random_scores(2, 3, 4, 4).to(dtype), torch.ones(2, 4, 4, dtype=torch.bool)
    valid[:, :, 3] = False
    expected = POOLS[name](scores[:, :, :, :3])
    padded = scores.clone()
    padded[:, :, :, 3] = padding
    padded.requires_grad_()
    pooled = POOLS[name](padded, valid=valid)
    torch.testing.assert_close(pooled, expected)
    pooled.sum().backward()
    assert padded.grad.isfinite().all() and not padded.grad[:, :, :, 3].any()


@pytest.mark.parametrize('name', POOLS)
@pytest.mark.parametrize('padding', [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize('shift', SHIFTS)
def test_extreme_scores_beside_padding_that_is_not_finite(name, padding, dtype, shift):
    scores, valid = padded_scores(shift, padding, dtype)
    expected = POOLS[name](scores[:, :, :, :3])
    scores.requires_grad_()
    pooled = POOLS[name](scores, valid=valid)
    torch.testing.assert_close(pooled, expected)
    pooled.sum().backward()
    assert scores.grad.isfinite().all() and scores.grad.any() and not scores.grad[:, :, :, 3].any()


@pytest.mark.parametrize('name', LEARNED)
@pytest.mark.parametrize('padding', [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize('shift', [0.0, *SHIFTS])
def test_learned_sharpness_at_any_height_does_not_see_the_padding(name, padding, dtype, shift):
    """Its gradient is that of central differences on the valid locations in float64."""
    scores, valid = padded_scores(shift, padding, dtype)
    scores.requires_grad_()
    sharpness = torch.full((3,), 2.0, requires_grad=True)
    pooled = LEARNED[name](scores, sharpness, valid)
    pooled.sum().backward()
    assert pooled.isfinite().all() and scores.grad.isfinite().all() and not scores.grad[:, :, :, 3].any()
    inside = scores.detach()[:, :, :, :3].double()
    above, below = (LEARNED[name](inside, torch.full((3,), 2.0 + d, dtype=torch.float64)) for d in (1e-4, -1e-4))
    expected = ((above - below) / 2e-4).sum(0).float()
    torch.testing.assert_close(sharpness.grad, expected, rtol=1e-3, atol=1e-3)
