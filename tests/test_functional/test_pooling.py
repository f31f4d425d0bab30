"""Common properties of all poolings; mean, maximum and Log-Sum-Exp: definition, limits and gradient."""

import math

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
    valid_locations,
    weldon_pool,
    wildcat_pool,
)

from .helpers import random_scores

POOLS = dict(
    mean=global_average_pool,
    sum=global_sum_pool,
    max=global_max_pool,
    lse=lambda scores, valid=None: lse_pool(scores, 5.0, valid),
    top_count=lambda scores, valid=None: top_k_pool(scores, 3, valid),
    top_fraction=lambda scores, valid=None: top_k_pool(scores, 0.3, valid),
    weldon=lambda scores, valid=None: weldon_pool(scores, 3, 2, valid),
    weldon_mean=lambda scores, valid=None: weldon_pool(scores, 0.2, 0.4, valid, 'mean'),
    wildcat=lambda scores, valid=None: wildcat_pool(scores, 4, 0.2, 0.7, valid),
    rank=lambda scores, valid=None: global_weighted_rank_pool(scores, 0.9, valid),
    rank_truncated=lambda scores, valid=None: global_weighted_rank_pool(scores, 1e-4, valid),
    noisy_or=noisy_or_pool,
    gem=lambda scores, valid=None: gem_pool(scores, 3.0, valid),
    soft=lambda scores, valid=None: softmax_pool(scores, 2.0, valid),
    attention=lambda scores, valid=None: attention_pool(scores, (3 * scores).sin(), valid),
)
ONE_LOCATION = dict(weldon=2.0, weldon_mean=2.0, wildcat=1.7)  # it has the highest and the lowest score


def test_the_sum_is_the_mean_times_the_number_of_locations():
    scores = random_scores(2, 3, 4, 5).requires_grad_()
    pooled = global_sum_pool(scores)
    torch.testing.assert_close(pooled, 20 * global_average_pool(scores), rtol=1e-15, atol=1e-14)
    pooled.sum().backward()
    assert (scores.grad == 1).all()


def test_the_sum_counts_valid_locations_only():
    scores, valid = random_scores(1, 2, 3, 3).requires_grad_(), torch.zeros(1, 3, 3, dtype=torch.bool)
    valid[0, 0, :2] = True
    pooled = global_sum_pool(scores, valid)
    torch.testing.assert_close(pooled, scores[:, :, 0, 0] + scores[:, :, 0, 1])
    pooled.sum().backward()
    torch.testing.assert_close(scores.grad, valid[:, None].expand_as(scores).to(scores))


def test_the_sum_of_half_precision_does_not_overflow():
    scores = torch.full((1, 1, 30, 30), 100.0, dtype=torch.float16)
    assert global_sum_pool(scores).item() == 90000.0 > torch.finfo(torch.float16).max


def test_lse_is_its_formula():
    scores = random_scores(2, 3, 4, 5)
    expected = torch.zeros(2, 3, dtype=torch.float64)
    for n in range(2):
        for k in range(3):
            terms = [math.exp(5.0 * s) for s in scores[n, k].flatten().tolist()]
            expected[n, k] = math.log(sum(terms) / 20) / 5.0
    torch.testing.assert_close(lse_pool(scores, 5.0), expected)


def test_lse_by_hand():
    # exp(0) = 1 and exp(log 3) = 3 average to 2
    scores = torch.tensor([[[[0.0, math.log(3.0)]]]])
    assert lse_pool(scores, 1.0).item() == pytest.approx(math.log(2.0))


def test_lse_limits():
    scores = random_scores(2, 3, 6, 6)
    torch.testing.assert_close(lse_pool(scores, 1e-6), scores.mean((2, 3)), atol=1e-5, rtol=0)
    torch.testing.assert_close(lse_pool(scores, 1e4), scores.amax((2, 3)), atol=1e-3, rtol=0)


def test_lse_is_between_mean_and_max_and_grows_with_r():
    scores = random_scores(1, 2, 5, 5)
    values = [
        global_average_pool(scores),
        *(lse_pool(scores, r) for r in (0.1, 1.0, 5.0, 50.0)),
        global_max_pool(scores),
    ]
    for low, high in zip(values[:-1], values[1:], strict=True):
        assert (low < high).all()


def test_r_per_class_equals_one_call_for_each():
    scores = random_scores(2, 3, 4, 4)
    r = torch.tensor([0.5, 2.0, 8.0], dtype=torch.float64)
    expected = torch.stack([lse_pool(scores[:, k : k + 1], r[k].item())[:, 0] for k in range(3)], 1)
    torch.testing.assert_close(lse_pool(scores, r), expected)


@pytest.mark.parametrize('r', [0.1, 1.0, 5.0, 50.0])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16])
def test_lse_is_stable_for_largerandom_scores(r, dtype):
    scores = (200 * torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) - 100).to(dtype)
    scores.requires_grad_()
    pooled = lse_pool(scores, r)
    pooled.sum().backward()
    exact = lse_pool(scores.detach().double(), r)
    assert pooled.dtype == torch.float32
    torch.testing.assert_close(pooled.double(), exact, atol=1e-4, rtol=1e-5)
    mass = scores.grad.double().sum((2, 3))  # a softmax over the locations
    torch.testing.assert_close(mass, torch.ones_like(mass), atol=1e-5 if dtype == torch.float32 else 5e-3, rtol=0)


@pytest.mark.parametrize('pool', POOLS.values(), ids=POOLS)
def test_computes_in_float32_under_autocast(pool):
    scores = random_scores(2, 2, 8, 8, scale=30.0).float()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        pooled = pool(scores)
    torch.testing.assert_close(pooled, pool(scores), rtol=0, atol=0)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('name', [name for name in POOLS if name != 'attention'])  # its attention map is rounded
def test_half_precision_is_computed_and_returned_in_float32(name, dtype):
    scores = random_scores(2, 2, 8, 8, scale=5.0).to(dtype)
    torch.testing.assert_close(POOLS[name](scores), POOLS[name](scores.float()), rtol=0, atol=0)


@pytest.mark.parametrize('name', POOLS)
@pytest.mark.parametrize('scale', [20.0, 80.0])
def test_large_scores_of_either_sign_stay_finite(name, scale):
    """Values and gradients in float32 are finite and agree with float64."""
    for shift in (-scale, 0.0, scale):
        scores = scale / 4 * torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) + shift
        scores = scores.clamp(-80, 80).requires_grad_()
        pooled = POOLS[name](scores)
        pooled.sum().backward()
        assert scores.grad.isfinite().all()
        double = scores.detach().double().requires_grad_()
        exact = POOLS[name](double)
        exact.sum().backward()
        if name != 'attention':  # the sine of its attention map loses digits
            torch.testing.assert_close(pooled.double(), exact, rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(scores.grad.double(), double.grad, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize('pool', POOLS.values(), ids=POOLS)
def test_gradients(pool):
    scores = random_scores(2, 3, 3, 3).requires_grad_()
    valid = torch.ones(2, 3, 3, dtype=torch.bool)
    valid[1, :, 2] = False
    assert torch.autograd.gradcheck(lambda s: pool(s, valid), scores)


def test_max_gradient_reaches_one_location_and_lse_gradient_all():
    scores = random_scores(1, 1, 4, 4)
    for pool, count in ((global_max_pool, 1), (POOLS['lse'], 16), (global_average_pool, 16)):
        leaf = scores.clone().requires_grad_()
        pool(leaf).sum().backward()
        assert (leaf.grad > 0).sum() == count


@pytest.mark.parametrize('masked', [False, True])
def test_the_gradients_of_lse_are_those_of_its_formula(masked):
    scores = random_scores(2, 3, 4, 5).requires_grad_()
    r = torch.tensor([0.5, 2.0, 8.0], dtype=torch.float64, requires_grad=True)
    valid = torch.rand(2, 4, 5, generator=torch.Generator().manual_seed(0)) > 0.4 if masked else None
    inside = torch.ones(2, 4, 5, dtype=torch.bool) if valid is None else valid
    exponents = (r[:, None, None] * scores).masked_fill(~inside[:, None], -torch.inf)
    formula = (exponents.logsumexp((2, 3)) - inside.double().sum((1, 2))[:, None].log()) / r
    weights = random_scores(2, 3)
    expected = torch.autograd.grad((weights * formula).sum(), (scores, r))
    result = torch.autograd.grad((weights * lse_pool(scores, r, valid)).sum(), (scores, r))
    torch.testing.assert_close(result, expected)
    assert torch.autograd.gradcheck(lambda s, r: lse_pool(s, r, valid), (scores, r), check_batched_grad=True)


def test_learnable_r_has_a_gradient():
    scores = random_scores(2, 3, 3, 3)
    r = torch.tensor([0.5, 2.0, 8.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda r: lse_pool(scores, r), r)


@pytest.mark.parametrize('pool', POOLS.values(), ids=POOLS)
def test_padding_is_ignored(pool):
    """Padded locations change neither the result nor the gradient."""
    image = random_scores(1, 2, 3, 4)
    padded = torch.full((1, 2, 6, 6), 1e3, dtype=torch.float64)
    padded[:, :, :3, :4] = image
    padded.requires_grad_()
    valid = torch.zeros(1, 6, 6, dtype=torch.bool)
    valid[:, :3, :4] = True
    pooled = pool(padded, valid)
    torch.testing.assert_close(pooled, pool(image))
    pooled.sum().backward()
    assert not padded.grad[:, :, ~valid[0]].any()


@pytest.mark.parametrize('pool', POOLS.values(), ids=POOLS)
def test_order_of_the_locations_does_not_matter(pool):
    scores = random_scores(2, 3, 4, 5)
    shuffled = scores.flatten(2)[..., torch.randperm(20)].view_as(scores)
    torch.testing.assert_close(pool(scores), pool(shuffled))


@pytest.mark.parametrize('name', POOLS)
def test_a_single_location_is_its_score(name):
    scores = random_scores(2, 3, 1, 1)
    torch.testing.assert_close(POOLS[name](scores), ONE_LOCATION.get(name, 1.0) * scores[..., 0, 0])


@pytest.mark.parametrize('pool', POOLS.values(), ids=POOLS)
def test_images_of_a_batch_do_not_mix(pool):
    """Images of 12, 4, 1 and 30 locations, padded to one size, have the same scores as without padding."""
    sizes = [(3, 4), (2, 2), (1, 1), (6, 5)]
    images = [random_scores(1, 2, *size, scale=index + 1.0) for index, size in enumerate(sizes)]
    scores = torch.full((4, 2, 6, 5), -1e3, dtype=torch.float64)
    scores[::2] = 1e3
    valid = torch.zeros(4, 6, 5, dtype=torch.bool)
    for index, image in enumerate(images):
        scores[index, :, : image.shape[2], : image.shape[3]] = image
        valid[index, : image.shape[2], : image.shape[3]] = True
    torch.testing.assert_close(pool(scores, valid), torch.cat([pool(image) for image in images]))


@pytest.mark.parametrize(
    ('scores', 'valid', 'message'),
    [
        (torch.zeros(2, 3, 4), None, r'`scores` must be \(N, K, H, W\)'),
        (torch.zeros(2, 3, 0, 4), None, r'at least one location, got \(2, 3, 0, 4\)'),
        (
            torch.zeros(2, 3, 4, 4),
            torch.ones(2, 4, 5, dtype=torch.bool),
            r'`valid` must be boolean of shape \(2, 4, 4\)',
        ),
        (torch.zeros(2, 3, 4, 4), torch.ones(2, 4, 4), 'got torch.float32'),
    ],
)
@pytest.mark.parametrize('pool', POOLS.values(), ids=POOLS)
def test_bad_input(pool, scores, valid, message):
    with pytest.raises(ValueError, match=message):
        pool(scores, valid)


EXPONENTS = [('r', lse_pool), ('p', gem_pool)]


@pytest.mark.parametrize(('name', 'pool'), EXPONENTS)
@pytest.mark.parametrize('value', [0.0, -1.0, math.inf, math.nan])
def test_bad_exponent(name, pool, value):
    with pytest.raises(ValueError, match=f'`{name}` must be a positive finite number, got {value}'):
        pool(torch.zeros(1, 1, 2, 2), value)


@pytest.mark.parametrize(('name', 'pool'), EXPONENTS)
@pytest.mark.parametrize('count', [1, 2])
def test_an_exponent_needs_one_value_for_each_class(name, pool, count):
    message = rf'`{name}` must have one value for each of the 3 classes, got shape \({count},\)'
    with pytest.raises(ValueError, match=message):
        pool(torch.zeros(1, 3, 2, 2), torch.ones(count))


def test_locations_with_low_scores_get_no_denormal_gradient():
    scores = (-100 * torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))).requires_grad_()
    lse_pool(scores, 5.0).sum().backward()
    assert ((scores.grad == 0) | (scores.grad > 1e-12)).all()
    assert (scores.grad == 0).any()


def test_valid_locations_have_their_center_in_the_image():
    extents = torch.tensor([[0, 64, 0, 64], [0, 40, 0, 41], [10, 64, 0, 64]])  # top, bottom, left, right
    valid = valid_locations(extents, (64, 64), (4, 4))  # centers at 8, 24, 40, 56
    assert valid[0].all()
    assert valid[1].sum(0).tolist() == [2, 2, 2, 0]  # 40 is outside rows [0, 40), inside columns [0, 41)
    assert valid[2].any(1).tolist() == [False, True, True, True]


def test_every_image_has_a_valid_location():
    valid = valid_locations(torch.tensor([[0, 3, 0, 2]]), (64, 64), (4, 4))
    assert valid[0].nonzero().tolist() == [[0, 0]]
