"""Latent biases: the class fractions of EM-Adapt, and CCNN's optimality against an independent solver."""

import math

import pytest
import torch
from scipy.optimize import minimize

from mmwsl.functional import adaptive_bias, ccnn_bias

from .helpers import random_scores


def _present(*rows):
    return torch.tensor(rows, dtype=torch.bool)


# EM-Adapt


def _adaptive_by_loops(scores, classes, portions, valid):
    """Compute one sweep over the classes in this order, by sorted lists."""
    locations = [(i, j) for i in range(scores.shape[1]) for j in range(scores.shape[2]) if valid[i, j]]
    biases = dict.fromkeys(classes, 0.0)
    for label in classes:
        deficits = sorted(
            max(scores[m, i, j].item() + biases[m] for m in classes) - scores[label, i, j].item() - biases[label]
            for i, j in locations
        )
        biases[label] += deficits[min(int(portions[label] * len(locations)), len(locations) - 1)]
    return biases


def test_adaptive_bias_is_its_definition():
    scores = random_scores(2, 4, 5, 6)
    valid = torch.ones(2, 5, 6, dtype=torch.bool)
    valid[1, 3:] = False
    portions = [0.4, 0.3, 0.2, 0.1]
    biases = adaptive_bias(scores, _present([1, 0, 1, 0], [1, 1, 0, 0]), portions, valid, sweeps=1)
    for n, classes in enumerate(([0, 2], [0, 1])):
        expected = _adaptive_by_loops(scores[n], classes, portions, valid[n])
        for k in range(4):
            assert biases[n, k].item() == pytest.approx(expected.get(k, -math.inf))


@pytest.mark.parametrize('portion', [0.1, 0.25, 0.5, 0.9])
def test_the_class_updated_last_has_its_fraction(portion):
    """The network predicts the class nowhere; with distinct scores its area is the portion up to one location."""
    scores = random_scores(3, 2, 10, 10)
    scores[:, 0] += 20
    biases = adaptive_bias(scores, _present(*[[1, 1]] * 3), [0.0, portion], sweeps=1)
    areas = (scores + biases[:, :, None, None]).argmax(1).eq(1).sum((1, 2))
    assert ((areas - 100 * portion).abs() <= 1).all()


def test_all_classes_keep_their_fractions():
    scores = random_scores(4, 4, 20, 20)
    scores[:, 0] += 5
    scores[:, 3] += 9  # absent, but with high scores
    biases = adaptive_bias(scores, _present(*[[1, 1, 1, 0]] * 4), [0.4, 0.2, 0.2, 0.2], sweeps=10)
    latent = (scores + biases[:, :, None, None]).argmax(1)
    areas = torch.stack([latent.eq(k).double().mean((1, 2)) for k in range(4)], 1)
    assert not areas[:, 3].any()
    # One location of 400 may tie; later updates may take a few locations of the other classes.
    assert (areas >= torch.tensor([0.39, 0.19, 0.19, 0.0]).double()).all(), areas


def test_a_class_that_has_its_fraction_is_not_biased():
    scores = torch.zeros(1, 2, 2, 2)
    scores[0, 1, 0], scores[0, 0, 1] = 3.0, 3.0
    assert not adaptive_bias(scores, _present([1, 1]), [0.25, 0.25]).any()


def test_padding_and_absent_classes_do_not_matter():
    scores, valid = random_scores(1, 3, 4, 4), torch.ones(1, 4, 4, dtype=torch.bool)
    valid[:, 2:] = False
    biases = adaptive_bias(scores, _present([1, 1, 0]), [0.4, 0.2, 0.2], valid)
    changed = scores.clone()
    changed[:, :, 2:], changed[:, 2] = 50.0, 70.0
    torch.testing.assert_close(adaptive_bias(changed, _present([1, 1, 0]), [0.4, 0.2, 0.2], valid), biases)
    torch.testing.assert_close(adaptive_bias(scores[:, :, :2], _present([1, 1, 0]), [0.4, 0.2, 0.2]), biases)


def test_only_the_order_of_the_foreground_is_random():
    scores, present = random_scores(1, 4, 8, 8, scale=5.0), _present([1, 1, 1, 1])
    runs = [
        adaptive_bias(scores, present, [0.4, 0.5, 0.5, 0.5], sweeps=1, generator=torch.Generator().manual_seed(seed))
        for seed in range(12)
    ]
    assert len({tuple(run[0].tolist()) for run in runs}) > 1
    assert len({run[0, 0].item() for run in runs}) == 1, 'the background must be first in every order'


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(portions=[0.4, 0.2]), '`portions` must be 3 numbers'),
        (dict(portions=[0.4, 0.2, 1.5]), r'`portions` must be 3 numbers in \[0, 1\]'),
        (dict(sweeps=0), '`sweeps` must be at least 1, got 0'),
        (dict(present=torch.ones(1, 3)), '`present` must be boolean'),
        (dict(present=torch.ones(1, 2, dtype=torch.bool)), r'`present` must be boolean of shape \(1, 3\)'),
    ],
)
def test_bad_input_of_adaptive_bias(kwargs, message):
    settings = dict(present=_present([1, 1, 0]), portions=[0.4, 0.2, 0.2])
    with pytest.raises(ValueError, match=message):
        adaptive_bias(torch.zeros(1, 3, 2, 2), **{**settings, **kwargs})


# CCNN


def _bounds(rows, lower=0.05, background=(0.3, 0.7), slack=math.inf):
    """Return equal bounds for all images: ``lower, upper, slack`` of shape (rows, 4)."""
    low, high, beta = (torch.full((rows, 4), value, dtype=torch.float64) for value in (lower, 1.0, slack))
    low[:, 0], high[:, 0] = background
    beta[:, 0] = math.inf
    return low, high, beta


def _latent(scores, biases):
    return (scores + biases[:, :, None, None]).softmax(1)


def _primal_by_scipy(scores, present, lower, upper, slack):
    """Minimize KL plus slack over the distributions of one image with SLSQP; return P of the present classes."""
    logits = scores[present].flatten(1).numpy()  # (C, locations)
    log_q = torch.from_numpy(logits).log_softmax(0).numpy()
    classes, count = logits.shape
    low, high, beta = (value[present].numpy() for value in (lower, upper, slack))
    soft = [k for k in range(classes) if math.isfinite(beta[k])]

    def split(x):
        missed = torch.zeros(classes, dtype=torch.float64).numpy()
        missed[soft] = x[classes * count :]
        return x[: classes * count].reshape(classes, count), missed

    def objective(x):
        p, missed = split(x)
        p = p.clip(1e-15)
        return float(
            (p * (torch.from_numpy(p).log().numpy() - log_q)).sum() / count + sum(beta[k] * missed[k] for k in soft)
        )

    constraints = [dict(type='eq', fun=lambda x: split(x)[0].sum(0) - 1)]
    constraints += [
        dict(type='ineq', fun=lambda x, k=k: split(x)[0][k].mean() - low[k] + split(x)[1][k]) for k in range(classes)
    ]
    constraints += [
        dict(type='ineq', fun=lambda x, k=k: high[k] - split(x)[0][k].mean() + split(x)[1][k]) for k in range(classes)
    ]
    start = torch.full((classes * count + len(soft),), 1 / classes, dtype=torch.float64).numpy()
    result = minimize(
        objective,
        start,
        method='SLSQP',
        bounds=[(1e-12, 1)] * (classes * count) + [(0, None)] * len(soft),
        constraints=constraints,
        options=dict(maxiter=500, ftol=1e-13),
    )
    assert result.success, result.message
    return torch.from_numpy(split(result.x)[0])


@pytest.mark.parametrize('slack', [math.inf, 0.5])
@pytest.mark.parametrize('seed', [0, 1])
def test_latent_distribution_is_the_nearest_within_the_bounds(seed, slack):
    scores = random_scores(1, 4, 2, 3, seed=seed)
    scores[:, 1] -= 3
    scores[:, 0] += 2
    present, bounds = _present([1, 1, 0, 1]), _bounds(1, lower=0.2, slack=slack)
    latent = _latent(scores, ccnn_bias(scores, present, *bounds, tolerance=1e-9, max_iterations=10000))
    expected = _primal_by_scipy(scores[0], present[0], *(bound[0] for bound in bounds))
    torch.testing.assert_close(latent[0, present[0]].flatten(1), expected, rtol=0, atol=2e-5)
    assert not latent[0, 2].any()


@pytest.mark.parametrize('scale', [0.1, 1.0, 10.0])
def test_optimality_conditions(scale):
    """Karush-Kuhn-Tucker: hard bounds hold; a bias has the sign of its active bound, or is 0 without one."""
    scores = random_scores(8, 4, 6, 6, scale=scale)
    scores[:4, 0] += 4 * scale
    scores[4:, 1] += 4 * scale
    present = _present(*[[1, 1, 0, 1], [1, 0, 1, 0]] * 4)
    lower, upper, slack = _bounds(8, slack=2.0)
    biases = ccnn_bias(scores, present, lower, upper, slack, tolerance=1e-7, max_iterations=10000)
    areas = _latent(scores, biases).mean((2, 3))
    assert (areas[:, 0] >= 0.3 - 1e-6).all() and (areas[:, 0] <= 0.7 + 1e-6).all()
    for n, k in present.nonzero().tolist():
        bias, area = biases[n, k].item(), areas[n, k].item()
        assert abs(bias) <= slack[n, k]
        if lower[n, k] + 1e-6 < area < upper[n, k] - 1e-6:
            assert abs(bias) < 1e-9
        elif area < lower[n, k] - 1e-6:
            assert bias == pytest.approx(2.0), 'a bound may only be missed if its slack is used up'
        elif bias:
            assert bias > 0 if abs(area - lower[n, k]) < abs(area - upper[n, k]) else bias < 0
    assert (biases[present] != 0).any()


def test_satisfied_bounds_give_no_bias():
    scores = torch.zeros(1, 3, 4, 4)
    bounds = torch.tensor([[0.3, 0.05, 0.05]]), torch.tensor([[0.7, 1.0, 1.0]]), torch.full((1, 3), torch.inf)
    assert not ccnn_bias(scores, _present([1, 1, 1]), *bounds).any()


def test_one_present_class_or_none_gives_no_bias():
    scores = random_scores(2, 4, 3, 3)
    biases = ccnn_bias(scores, _present([1, 0, 0, 0], [0, 0, 0, 0]), *_bounds(2))
    assert biases.tolist() == [[0.0] + [-math.inf] * 3, [-math.inf] * 4]


def test_padding_does_not_matter_and_images_do_not_mix():
    scores, present = random_scores(3, 4, 4, 4, scale=3.0), _present([1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0])
    valid = torch.ones(3, 4, 4, dtype=torch.bool)
    valid[0, :, 2:] = False
    options = dict(tolerance=1e-9, max_iterations=10000)
    biases = ccnn_bias(scores, present, *_bounds(3), valid, **options)
    scores[0, :, :, 2:] = 60.0
    torch.testing.assert_close(ccnn_bias(scores, present, *_bounds(3), valid, **options), biases)
    single = ccnn_bias(scores[:1, :, :, :2], present[:1], *_bounds(1), **options)
    torch.testing.assert_close(single, biases[:1])


def test_a_constant_does_not_matter():
    """With very low scores, an image with fewer classes than another still has probability 0 in absent classes."""
    scores, present = random_scores(2, 4, 4, 4, scale=3.0), _present([1, 1, 0, 0], [1, 1, 1, 1])
    scores[:, 0] += 6
    biases = ccnn_bias(scores, present, *_bounds(2))
    assert biases[0, 0] < 0
    torch.testing.assert_close(ccnn_bias(scores - 3e4, present, *_bounds(2)), biases, rtol=0, atol=1e-6)


@pytest.mark.parametrize('shift', [0.0, 20.0, 60.0])
def test_the_default_tolerance_is_kept_far_from_the_bounds(shift):
    """In float32, a hard bound also moves a network that is confident of background everywhere."""
    scores = random_scores(4, 4, 28, 28, scale=3.0).float()
    scores[:, 0] += shift
    present = _present(*[[1, 1, 1, 0]] * 4)
    areas = _latent(scores, ccnn_bias(scores, present, *_bounds(4))).mean((2, 3))
    assert (areas[:, 0] <= 0.701).all() and (areas[:, 1:3] >= 0.049).all()


def test_eighty_iterations_are_enough():
    """A network that is confident of foreground needs 48 iterations; without restarts 169, without momentum 202."""
    scores = random_scores(16, 4, 28, 28, scale=10.0)
    scores[:, 0] -= 30
    present = _present(*[[1, 1, 1, 0], [1, 1, 1, 1]] * 8)
    bounds = _bounds(16, slack=2.0)
    torch.testing.assert_close(
        ccnn_bias(scores, present, *bounds, max_iterations=80),
        ccnn_bias(scores, present, *bounds, max_iterations=5000),
        rtol=0,
        atol=0,
    )


@pytest.mark.parametrize(
    ('index', 'value', 'message'),
    [
        (0, torch.zeros(1, 3), r'`lower` must be \(N, K\) = \(1, 4\)'),
        (0, torch.full((1, 4), 0.8), '0 <= `lower` <= `upper` <= 1 .* got 0.8, 0.7 and inf for class 0'),
        (0, torch.full((1, 4), -0.1), 'got -0.1, 0.7 and inf for class 0'),
        (0, torch.full((1, 4), 0.5), 'hard bounds must allow .* `lower` that sums to 2'),
        (1, torch.full((1, 4), math.nan), '0 <= `lower` <= `upper` <= 1'),
        (2, torch.full((1, 4), -1.0), '`slack` >= 0, got 0.3, 0.7 and -1'),
    ],
)
def test_bad_bounds(index, value, message):
    bounds = list(_bounds(1))
    bounds[index] = value
    with pytest.raises(ValueError, match=message):
        ccnn_bias(torch.zeros(1, 4, 2, 2), _present([1, 1, 1, 1]), *bounds)


def test_upper_bounds_must_leave_room():
    lower, _, slack = _bounds(1, lower=0.0)
    upper, scores = torch.full((1, 4), 0.3), random_scores(1, 4, 6, 6)
    slack[:] = math.inf
    biases = ccnn_bias(scores, _present([1, 1, 1, 1]), lower, upper, slack)
    assert (_latent(scores, biases).mean((2, 3)) <= 0.301).all()
    with pytest.raises(ValueError, match='hard bounds must allow .* `upper` that sums to less than 1'):
        ccnn_bias(scores, _present([1, 1, 1, 0]), lower, upper, slack)
