"""Aggregations of the best and worst cells against sorted lists, their limits, and which cells learn."""

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


def _scores(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def _each(scores, aggregate):
    """Apply a function of one sorted list, best first, to every image and class."""
    lists = [[sorted(k.flatten().tolist(), reverse=True) for k in n] for n in scores]
    return torch.tensor([[aggregate(cells) for cells in n] for n in lists], dtype=torch.float64)


def _mean(values):
    return sum(values) / len(values)


def _gradient(pool, scores):
    leaf = scores.clone().requires_grad_()
    pool(leaf).sum().backward()
    return leaf.grad


@pytest.mark.parametrize(
    ('k', 'count'), [(1, 1), (3, 3), (20, 20), (99, 20), (0.25, 5), (0.13, 3), (0.01, 1), (1.0, 20)]
)
def test_top_k_is_the_mean_of_the_best(k, count):
    scores = _scores(2, 3, 4, 5)
    torch.testing.assert_close(top_k_pool(scores, k), _each(scores, lambda cells: _mean(cells[:count])))


def test_top_k_limits():
    scores = _scores(2, 3, 4, 5)
    for one in (1, 1e-9):
        torch.testing.assert_close(top_k_pool(scores, one), global_max_pool(scores), rtol=0, atol=0)
    for all_cells in (20, 1.0):
        torch.testing.assert_close(top_k_pool(scores, all_cells), global_average_pool(scores))


def test_a_fraction_is_of_the_images_own_cells_and_never_none():
    scores = _scores(3, 1, 4, 5)
    valid = torch.zeros(3, 20, dtype=torch.bool)
    for index, cells in enumerate((20, 7, 1)):
        valid[index, :cells] = True
    gradient = _gradient(lambda s: top_k_pool(s, 0.3, valid.view(3, 4, 5)), scores)
    assert (gradient != 0).sum((1, 2, 3)).tolist() == [6, 2, 1]  # of 6, 2.1 and 0.3


def test_only_the_best_cells_learn_and_all_alike():
    scores = _scores(2, 3, 4, 5)
    gradient = _gradient(lambda s: top_k_pool(s, 4), scores).flatten(2)
    threshold = scores.flatten(2).sort(2, descending=True).values[..., 3:4]
    torch.testing.assert_close(gradient, (scores.flatten(2) >= threshold).double() / 4)


@pytest.mark.parametrize(('top', 'low'), [(1, 1), (3, 3), (2, 5), (4, 0), (0.2, 0.4), (15, 15)])
def test_weldon_is_its_formula(top, low):
    scores = _scores(2, 3, 4, 5)
    k, m = (round(20 * count) if isinstance(count, float) else count for count in (top, low))
    best, worst = _each(scores, lambda cells: sum(cells[:k])), _each(scores, lambda cells: sum(cells[20 - m :]))
    torch.testing.assert_close(weldon_pool(scores, top, low), best + worst)
    torch.testing.assert_close(weldon_pool(scores, top, low, reduction='mean'), best / k + worst / max(m, 1))


def test_weldon_sums_what_a_small_image_has():
    scores, valid = _scores(1, 2, 3, 3), torch.zeros(1, 3, 3, dtype=torch.bool)
    valid[0, 0, :2] = True
    torch.testing.assert_close(weldon_pool(scores, 3, 3, valid), 2 * scores[:, :, 0, :2].sum(2))


@pytest.mark.parametrize('alpha', [0.0, 0.7, 1.0])
@pytest.mark.parametrize(('top', 'low'), [(1, 1), (3, 2), (0.2, 0.4), (5, 0)])
def test_wildcat_is_its_formula(top, low, alpha):
    scores = _scores(2, 3, 4, 5)
    k, m = (round(20 * count) if isinstance(count, float) else count for count in (top, low))
    expected = _each(scores, lambda cells: _mean(cells[:k]) + (alpha * _mean(cells[20 - m :]) if m else 0.0))
    torch.testing.assert_close(wildcat_pool(scores, top, low, alpha), expected)


def test_wildcat_limits():
    scores = _scores(2, 3, 4, 5)
    torch.testing.assert_close(wildcat_pool(scores, 3, 5, 0.0), top_k_pool(scores, 3), rtol=0, atol=0)
    torch.testing.assert_close(wildcat_pool(scores, 3, 4, 1.0), weldon_pool(scores, 3, 4, reduction='mean'))
    torch.testing.assert_close(wildcat_pool(scores, 1.0, 1.0, 0.7), 1.7 * global_average_pool(scores))


def test_wildcat_raises_the_best_and_the_worst_cells():
    gradient = _gradient(lambda s: wildcat_pool(s, 2, 5, 0.7), torch.arange(20.0).view(1, 1, 4, 5)).flatten()
    torch.testing.assert_close(gradient, torch.tensor([0.14] * 5 + [0.0] * 13 + [0.5] * 2))


def test_class_wise_mean_groups_the_maps_of_a_class():
    maps = _scores(2, 6, 3, 3).requires_grad_()
    expected = torch.stack([(maps[:, 2 * k] + maps[:, 2 * k + 1]) / 2 for k in range(3)], 1)
    torch.testing.assert_close(class_wise_pool(maps, 2), expected)
    class_wise_pool(maps, 2).sum().backward()
    assert (maps.grad == 0.5).all()
    assert class_wise_pool(maps, 1) is maps


@pytest.mark.parametrize('d', [0.0, 0.3, 0.9, 0.996, 1.0])
def test_rank_pool_is_its_formula(d):
    scores = _scores(2, 3, 4, 5)
    weights = [d**rank if rank or d else 1.0 for rank in range(20)]
    expected = _each(scores, lambda cells: sum(w * s for w, s in zip(weights, cells, strict=True)) / sum(weights))
    torch.testing.assert_close(global_weighted_rank_pool(scores, d), expected)


def test_rank_pool_limits():
    scores = _scores(2, 3, 4, 5)
    torch.testing.assert_close(global_weighted_rank_pool(scores, 0.0), global_max_pool(scores), rtol=0, atol=0)
    torch.testing.assert_close(global_weighted_rank_pool(scores, 1.0), global_average_pool(scores))


def test_rank_pool_with_one_decay_for_each_class():
    scores, decays = _scores(2, 4, 4, 5), [0.0, 0.5, 0.996, 1.0]
    expected = torch.cat([global_weighted_rank_pool(scores[:, k : k + 1], d) for k, d in enumerate(decays)], 1)
    torch.testing.assert_close(global_weighted_rank_pool(scores, decays), expected)


def test_ranks_that_are_left_out_do_not_matter():
    """In single precision 0.5 ** 24 adds nothing to 1: the same sum over all 400 cells in double precision."""
    scores = _scores(1, 2, 20, 20)
    expected = _each(scores, lambda cells: sum(0.5**rank * s for rank, s in enumerate(cells)) / 2)
    torch.testing.assert_close(global_weighted_rank_pool(scores.float(), 0.5).double(), expected, rtol=1e-6, atol=1e-6)
    gradient = _gradient(lambda s: global_weighted_rank_pool(s, 0.5), scores.float())
    assert 20 < (gradient != 0).sum() / 2 < 30 and gradient[gradient != 0].min() > 1e-8


def test_gradient_of_rank_pool_is_the_weight_of_the_rank():
    gradient = _gradient(lambda s: global_weighted_rank_pool(s, 0.5), torch.tensor([[[[3.0, 1.0], [4.0, 2.0]]]]))
    torch.testing.assert_close(gradient * 15, torch.tensor([[[[4.0, 1.0], [8.0, 2.0]]]]))


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda s: top_k_pool(s, 0), r'`k` must be a count, an integer of at least 1, or a fraction.*got 0$'),
        (lambda s: top_k_pool(s, -2), '`k` must be a count.*got -2$'),
        (lambda s: top_k_pool(s, 0.0), '`k` must be a count.*got 0.0$'),
        (lambda s: top_k_pool(s, 3.0), r'a float in \(0, 1\], got 3.0$'),
        (lambda s: top_k_pool(s, math.nan), '`k` must be a count.*got nan$'),
        (lambda s: weldon_pool(s, 0, 1), '`kmax` must be a count.*got 0$'),
        (lambda s: weldon_pool(s, 1, -1), '`kmin` must be a count.*got -1$'),
        (lambda s: weldon_pool(s, 1, 1, reduction='max'), "`reduction` must be 'sum' or 'mean', got 'max'"),
        (lambda s: wildcat_pool(s, 1.5, 1, 1.0), '`kmax` must be a count.*got 1.5$'),
        (lambda s: wildcat_pool(s, 1, 1, -0.1), '`alpha` must be a finite number of at least 0, got -0.1'),
        (lambda s: wildcat_pool(s, 1, 1, math.inf), '`alpha` must be a finite number of at least 0, got inf'),
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
