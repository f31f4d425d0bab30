"""Aggregations of the highest- and lowest-scoring locations against sorted lists, limits and gradients."""

import math

import pytest
import torch

from mmwsl.functional import (
    class_wise_pool,
    global_average_pool,
    global_max_pool,
    global_weighted_rank_pool,
    top_k_pool,
    weldon_pool,
    wildcat_pool,
)

from .helpers import random_scores


def _each(scores, aggregate):
    """Apply a function of one list of scores in descending order to every image and class."""
    lists = [[sorted(k.flatten().tolist(), reverse=True) for k in n] for n in scores]
    return torch.tensor([[aggregate(ranked) for ranked in n] for n in lists], dtype=torch.float64)


def _mean(values):
    return sum(values) / len(values)


def _gradient(pool, scores):
    leaf = scores.clone().requires_grad_()
    pool(leaf).sum().backward()
    return leaf.grad


@pytest.mark.parametrize(
    ('k', 'count'), [(1, 1), (3, 3), (20, 20), (99, 20), (0.25, 5), (0.13, 3), (0.01, 1), (1.0, 20)]
)
def test_top_k_is_the_mean_of_the_highest_scores(k, count):
    scores = random_scores(2, 3, 4, 5)
    torch.testing.assert_close(top_k_pool(scores, k), _each(scores, lambda ranked: _mean(ranked[:count])))


def test_top_k_limits():
    scores = random_scores(2, 3, 4, 5)
    for one in (1, 1e-9):
        torch.testing.assert_close(top_k_pool(scores, one), global_max_pool(scores), rtol=0, atol=0)
    for every in (20, 1.0):
        torch.testing.assert_close(top_k_pool(scores, every), global_average_pool(scores))


def test_a_fraction_counts_the_locations_of_the_image_and_at_least_one():
    scores = random_scores(3, 1, 4, 5)
    valid = torch.zeros(3, 20, dtype=torch.bool)
    for index, count in enumerate((20, 7, 1)):
        valid[index, :count] = True
    gradient = _gradient(lambda s: top_k_pool(s, 0.3, valid.view(3, 4, 5)), scores)
    assert (gradient != 0).sum((1, 2, 3)).tolist() == [6, 2, 1]  # rounded from 6, 2.1 and 0.3


def test_only_the_highest_scores_have_a_gradient_in_equal_parts():
    scores = random_scores(2, 3, 4, 5)
    gradient = _gradient(lambda s: top_k_pool(s, 4), scores).flatten(2)
    threshold = scores.flatten(2).sort(2, descending=True).values[..., 3:4]
    torch.testing.assert_close(gradient, (scores.flatten(2) >= threshold).double() / 4)


@pytest.mark.parametrize(('kmax', 'kmin'), [(1, 1), (3, 3), (2, 5), (4, 0), (0.2, 0.4), (15, 15)])
def test_weldon_is_its_formula(kmax, kmin):
    scores = random_scores(2, 3, 4, 5)
    k, m = (round(20 * count) if isinstance(count, float) else count for count in (kmax, kmin))
    highest, lowest = _each(scores, lambda ranked: sum(ranked[:k])), _each(scores, lambda ranked: sum(ranked[20 - m :]))
    torch.testing.assert_close(weldon_pool(scores, kmax, kmin), highest + lowest)
    torch.testing.assert_close(weldon_pool(scores, kmax, kmin, reduction='mean'), highest / k + lowest / max(m, 1))


def test_weldon_sums_all_scores_of_a_small_image():
    scores, valid = random_scores(1, 2, 3, 3), torch.zeros(1, 3, 3, dtype=torch.bool)
    valid[0, 0, :2] = True
    torch.testing.assert_close(weldon_pool(scores, 3, 3, valid), 2 * scores[:, :, 0, :2].sum(2))


@pytest.mark.parametrize('alpha', [0.0, 0.7, 1.0])
@pytest.mark.parametrize(('kmax', 'kmin'), [(1, 1), (3, 2), (0.2, 0.4), (5, 0)])
def test_wildcat_is_its_formula(kmax, kmin, alpha):
    scores = random_scores(2, 3, 4, 5)
    k, m = (round(20 * count) if isinstance(count, float) else count for count in (kmax, kmin))
    expected = _each(scores, lambda ranked: _mean(ranked[:k]) + (alpha * _mean(ranked[20 - m :]) if m else 0.0))
    torch.testing.assert_close(wildcat_pool(scores, kmax, kmin, alpha), expected)


def test_wildcat_limits():
    scores = random_scores(2, 3, 4, 5)
    torch.testing.assert_close(wildcat_pool(scores, 3, 5, 0.0), top_k_pool(scores, 3), rtol=0, atol=0)
    torch.testing.assert_close(wildcat_pool(scores, 3, 4, 1.0), weldon_pool(scores, 3, 4, reduction='mean'))
    torch.testing.assert_close(wildcat_pool(scores, 1.0, 1.0, 0.7), 1.7 * global_average_pool(scores))


def test_gradient_of_wildcat_reaches_the_highest_and_lowest_scores():
    gradient = _gradient(lambda s: wildcat_pool(s, 2, 5, 0.7), torch.arange(20.0).view(1, 1, 4, 5)).flatten()
    torch.testing.assert_close(gradient, torch.tensor([0.14] * 5 + [0.0] * 13 + [0.5] * 2))


def test_class_wise_pool_averages_the_maps_of_a_class():
    maps = random_scores(2, 6, 3, 3).requires_grad_()
    expected = torch.stack([(maps[:, 2 * k] + maps[:, 2 * k + 1]) / 2 for k in range(3)], 1)
    torch.testing.assert_close(class_wise_pool(maps, 2), expected)
    class_wise_pool(maps, 2).sum().backward()
    assert (maps.grad == 0.5).all()
    assert class_wise_pool(maps, 1) is maps


@pytest.mark.parametrize('d', [0.0, 0.3, 0.9, 0.996, 1.0])
def test_rank_pool_is_its_formula(d):
    scores = random_scores(2, 3, 4, 5)
    weights = [d**rank if rank or d else 1.0 for rank in range(20)]
    expected = _each(scores, lambda ranked: sum(w * s for w, s in zip(weights, ranked, strict=True)) / sum(weights))
    torch.testing.assert_close(global_weighted_rank_pool(scores, d), expected)


def test_rank_pool_limits():
    scores = random_scores(2, 3, 4, 5)
    torch.testing.assert_close(global_weighted_rank_pool(scores, 0.0), global_max_pool(scores), rtol=0, atol=0)
    torch.testing.assert_close(global_weighted_rank_pool(scores, 1.0), global_average_pool(scores))


def test_rank_pool_with_one_decay_for_each_class():
    scores, decays = random_scores(2, 4, 4, 5), [0.0, 0.5, 0.996, 1.0]
    expected = torch.cat([global_weighted_rank_pool(scores[:, k : k + 1], d) for k, d in enumerate(decays)], 1)
    torch.testing.assert_close(global_weighted_rank_pool(scores, decays), expected)


def test_omitted_ranks_do_not_change_the_result():
    """In float32 0.5 ** 24 adds nothing to 1; the reference sums all 400 locations in float64."""
    scores = random_scores(1, 2, 20, 20)
    expected = _each(scores, lambda ranked: sum(0.5**rank * s for rank, s in enumerate(ranked)) / 2)
    torch.testing.assert_close(global_weighted_rank_pool(scores.float(), 0.5).double(), expected, rtol=1e-6, atol=1e-6)
    gradient = _gradient(lambda s: global_weighted_rank_pool(s, 0.5), scores.float())
    assert 20 < (gradient != 0).sum() / 2 < 30 and gradient[gradient != 0].min() > 1e-8


def test_gradient_of_rank_pool_is_the_weight_of_the_rank():
    gradient = _gradient(lambda s: global_weighted_rank_pool(s, 0.5), torch.tensor([[[[3.0, 1.0], [4.0, 2.0]]]]))
    torch.testing.assert_close(gradient * 15, torch.tensor([[[[4.0, 1.0], [8.0, 2.0]]]]))


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda s: top_k_pool(s, 0), r'`k` must be a count, an integer of at least 1, or a fraction.*got 0\.$'),
        (lambda s: top_k_pool(s, -2), r'`k` must be a count.*got -2\.$'),
        (lambda s: top_k_pool(s, 0.0), r'`k` must be a count.*got 0.0\.$'),
        (lambda s: top_k_pool(s, 3.0), r'a float in \(0, 1\], got 3.0\.$'),
        (lambda s: top_k_pool(s, math.nan), r'`k` must be a count.*got nan\.$'),
        (lambda s: weldon_pool(s, 0, 1), r'`kmax` must be a count.*got 0\.$'),
        (lambda s: weldon_pool(s, 1, -1), r'`kmin` must be a count.*got -1\.$'),
        (lambda s: weldon_pool(s, 1, 1, reduction='max'), "`reduction` must be 'sum' or 'mean', got 'max'"),
        (lambda s: wildcat_pool(s, 1.5, 1, 1.0), r'`kmax` must be a count.*got 1.5\.$'),
        (lambda s: wildcat_pool(s, 1, 1, -0.1), '`alpha` must be a non-negative finite number, got -0.1'),
        (lambda s: wildcat_pool(s, 1, 1, math.inf), '`alpha` must be a non-negative finite number, got inf'),
        (lambda s: global_weighted_rank_pool(s, 1.1), r'`d` must be in \[0, 1\], got 1.1'),
        (lambda s: global_weighted_rank_pool(s, -0.1), r'`d` must be in \[0, 1\], got -0.1'),
        (lambda s: global_weighted_rank_pool(s, math.nan), r'`d` must be in \[0, 1\], got nan'),
        (lambda s: global_weighted_rank_pool(s, []), r'`d` must be in \[0, 1\], got \[\]'),
        (lambda s: global_weighted_rank_pool(s, [0.5, 2.0]), r'`d` must be in \[0, 1\], got \[0.5, 2.0\]'),
        (
            lambda s: global_weighted_rank_pool(s, [0.5]),
            '`d` must be one number or one for each of the 2 classes, got 1',
        ),
        (lambda s: class_wise_pool(s, 0), r'`maps_per_class` M >= 1, got \(1, 2, 3, 3\) and 0'),
        (lambda s: class_wise_pool(s, 3), r'`maps` must be \(N, K \* M, H, W\)'),
        (lambda s: class_wise_pool(s[0], 1), r'got \(2, 3, 3\) and 1'),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call(torch.zeros(1, 2, 3, 3))
