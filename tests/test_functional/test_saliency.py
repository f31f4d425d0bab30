"""Saliency maps against their definitions, pixel by pixel."""

import math

import pytest
import torch

from mmwsl.functional import (
    candidate_classes,
    channel_saliency,
    distinct_class_saliency,
    max_normalize,
    saliency_prior,
)


def test_channel_saliency_is_the_largest_magnitude():
    gradients = torch.randn(2, 3, 5, 4, 6)
    maps = channel_saliency(gradients)
    assert maps.shape == (2, 3, 4, 6)
    for location in [(0, 0, 0, 0), (1, 2, 3, 5)]:
        s, n, y, x = location
        assert maps[location] == max(abs(float(v)) for v in gradients[s, n, :, y, x])


@pytest.mark.parametrize(
    'present, possible, min_classes, num_compared, expected',
    [
        ({0, 2, 3}, {}, 0, 0, [2, 3]),
        ({2, 3}, {0, 1, 4}, 3, 0, [2, 3, 4]),
        ({2, 3}, {1, 2}, 9, 0, [2, 3, 1]),
        ({}, {0, 1, 2, 3, 4}, 1, 0, [2]),
        ({}, {}, 1, 0, []),
        ({1}, {}, 1, 3, [1]),
        ({1}, {4}, 2, 3, [1, 4]),
    ],
)
def test_candidates(present, possible, min_classes, num_compared, expected):
    flags = [torch.tensor([c in chosen for c in range(5)]) for chosen in (present, possible)]
    classes, num_requested = candidate_classes(
        torch.tensor([1.0, 0.2, 0.9, 0.6, 0.4]), *flags, min_classes, num_compared
    )
    assert classes[:num_requested].tolist() == expected
    others = [c for c in (2, 3, 4, 1) if c not in expected]  # in descending order of their scores
    assert classes[num_requested:].tolist() == others[: max(num_compared - num_requested, 0)]


def test_max_normalize_leaves_a_map_of_zeros_unchanged():
    maps = max_normalize(torch.stack([torch.zeros(3, 4), torch.full((3, 4), 1e-30)]))
    assert not maps[0].any() and (maps[1] == 1).all()


def _distinct(maps, gain):
    """Compute the formula for one pair of classes after another."""
    total = torch.zeros_like(maps[0])
    for layer in range(len(maps)):
        for c in range(maps.shape[1]):
            for other in set(range(maps.shape[1])) - {c}:
                d = maps[layer, c] - maps[layer, other]
                if d.max() > 0:
                    total[c] += torch.tanh(gain * d / d.max()).clamp(min=0)
    return torch.stack([torch.tanh(gain * t / t.max()) if t.max() > 0 else t for t in total])


@pytest.mark.parametrize('gain', [3.0, 0.5])
@pytest.mark.parametrize('classes', [2, 4])
def test_distinct_saliency_is_the_formula(gain, classes):
    maps = torch.rand(3, classes, 5, 6, dtype=torch.float64)
    maps[1, 0] = 0  # not above any other class in this layer
    torch.testing.assert_close(distinct_class_saliency(maps, gain), _distinct(maps, gain))


def test_distinct_saliency_is_zero_where_classes_are_equal():
    maps = torch.zeros(1, 2, 4, 4)
    maps[:, :, :2] = 1.0  # both classes
    maps[0, 0, 2, 0] = maps[0, 1, 3, 3] = 0.5
    result = distinct_class_saliency(maps)
    assert result[0, 2, 0] == result[1, 3, 3] == pytest.approx(math.tanh(3))
    assert not result[:, :2].any() and result.count_nonzero() == 2


def test_a_single_class_and_a_class_below_another():
    generator = torch.Generator().manual_seed(0)
    single = torch.rand(2, 1, 3, 3, generator=generator)
    total = (single / single.amax((2, 3), keepdim=True)).mul(3).tanh().sum(0)
    torch.testing.assert_close(distinct_class_saliency(single), (total / total.max()).mul(3).tanh())
    maps = torch.stack([torch.rand(3, 3, generator=generator), torch.full((3, 3), 2.0)])[None]
    result = distinct_class_saliency(maps)
    assert not result[0].any() and result[1].max() > 0 and result.isfinite().all()


@pytest.mark.parametrize(
    'maps, gain, message',
    [
        (torch.rand(2, 3, 3), 3.0, r'\(L, C, H, W\).*got \(2, 3, 3\)'),
        (torch.rand(0, 2, 3, 3), 3.0, 'at least one layer'),
        (torch.rand(1, 2, 3, 3), 0.0, '`gain` must be a positive'),
        (torch.rand(1, 2, 3, 3), math.nan, '`gain` must be a positive'),
    ],
)
def test_bad_input(maps, gain, message):
    with pytest.raises(ValueError, match=message):
        distinct_class_saliency(maps, gain)


def test_prior_weights_each_class_by_its_own_map():
    probs, saliency = torch.rand(3, 4, 5), torch.rand(3, 4, 5)
    result = saliency_prior(probs, saliency)
    torch.testing.assert_close(result[1:], probs[1:] * saliency[1:])
    assert torch.equal(result[0], probs[0])
    with pytest.raises(ValueError, match=r'size of `probs` \(3, 4, 5\), got \(1, 4, 5\)'):
        saliency_prior(probs, saliency[:1])
