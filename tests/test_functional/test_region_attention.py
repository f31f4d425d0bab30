"""Attention within regions, and the merge of regions with similar features."""

import math

import pytest
import torch
from torch.nn import functional as F

from mmwsl.functional import merge_regions, region_attention


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize('max_distance', [0.0, 0.3])
def test_weights_are_the_softmax_over_the_allowed_pairs(max_distance):
    features, values = random(12, 4), random(12, 3, seed=1)
    regions = torch.tensor([0, 0, 5, 5, 5, 2, 2, 7, -1, -1, -1, 7])
    merged = merge_regions(F.normalize(features, dim=1), regions, max_distance).tolist()
    found = region_attention(features, values, regions, 0.25, max_distance)
    cosine = F.cosine_similarity(features[:, None], features[None], dim=-1)
    for i in range(12):
        weights = []
        for j in range(12):
            outside = merged[i] == -1 or merged[j] == -1
            allowed = cosine[i, j] > cosine.mean() if outside else merged[i] == merged[j]
            weights.append(math.exp(4 * cosine[i, j]) if allowed or i == j else 0.0)
        expected = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
        torch.testing.assert_close(found[i], expected)


def test_no_value_passes_between_regions():
    features, regions = torch.eye(6, dtype=torch.float64), torch.tensor([3, 3, 3, 1, 1, 1])
    values = random(6, 2)
    before = region_attention(features, values, regions)
    values[3:] = 100
    assert torch.equal(region_attention(features, values, regions)[:3], before[:3])
    torch.testing.assert_close(before[:3].mean(0), region_attention(features, before, regions)[:3].mean(0))


def test_regions_merge_over_a_chain():
    """0, 30 and 60 degrees: neighbors are within 0.2, the ends are not; 150 degrees is alone."""
    angles = torch.tensor([0.0, 30.0, 60.0, 150.0]) * math.pi / 180
    features = torch.stack([angles.cos(), angles.sin()], 1).repeat_interleave(2, 0)
    regions = torch.tensor([9, 9, 4, 4, 6, 6, 1, 1])
    merged = merge_regions(features, regions, 0.2)
    assert merged[:6].unique().numel() == 1 and merged[6] == merged[7] != merged[0]
    alone = merge_regions(features, regions, 0.1)
    assert alone.unique().numel() == 4 and alone.min() == 0


def test_the_distance_is_that_of_the_mean_features():
    """The mean of both features of region 0 is that of region 1, though none of them is near it."""
    features = torch.tensor([[1.0, 1.0, 0.0], [1.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    assert merge_regions(features, torch.tensor([0, 0, 1, 2]), 0.0).tolist() == [0, 0, 0, 1]


def test_regions_whose_features_cancel_out_stay_alone():
    features = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [1.0, -1.0], [-1.0, 1.0]])
    assert merge_regions(features, torch.tensor([0, 1, 2, 3, 3])).tolist() == [0, 1, 2, 3, 3]


def test_without_regions_nothing_is_merged():
    features = random(5, 3)
    outside = torch.full((5,), -1)
    assert merge_regions(features, outside).tolist() == [-1] * 5
    found = region_attention(features, torch.eye(5, dtype=torch.float64), outside)
    cosine = F.cosine_similarity(features[:, None], features[None], dim=-1)
    allowed = (cosine > cosine.mean()) | torch.eye(5, dtype=torch.bool)
    assert torch.equal(found > 0, allowed)


def test_equal_features_are_finite_with_gradients():
    """No pair is more similar than the mean: a location attends to itself."""
    features, values = torch.ones(4, 3, requires_grad=True), random(4, 2).float().requires_grad_()
    found = region_attention(features, values, torch.tensor([-1, -1, -1, -1]))
    torch.testing.assert_close(found, values)
    found.sum().backward()
    assert features.grad.isfinite().all() and values.grad.isfinite().all()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    features, values, regions = random(6, 4).to(dtype), random(6, 2).to(dtype), torch.tensor([0, 0, 1, 1, -1, -1])
    expected = region_attention(features.float(), values.float(), regions)
    torch.testing.assert_close(region_attention(features, values, regions), expected)


@pytest.mark.parametrize(
    'settings, message',
    [
        (dict(temperature=0.0), '`temperature` must be a positive finite number, got 0.0'),
        (dict(max_distance=-0.1), '`max_distance` must be non-negative, got -0.1'),
        (dict(values=torch.ones(4, 2)), r'must have the same locations, got \(5, 3\) and \(4, 2\)'),
        (dict(regions=torch.zeros(4, dtype=torch.long)), 'one for each of the 5 locations, got torch.int64 of shape'),
        (dict(regions=torch.zeros(5)), '`regions` must be integers, .* got torch.float32'),
        (dict(features=torch.full((5, 3), torch.nan)), '`features` must be finite'),
    ],
)
def test_errors(settings, message):
    arguments = dict(features=torch.ones(5, 3), values=torch.ones(5, 2), regions=torch.zeros(5, dtype=torch.long))
    with pytest.raises(ValueError, match=message):
        region_attention(**arguments | settings)
