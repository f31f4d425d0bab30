"""Random walk against a dense matrix of all pairs of pixels."""

import math

import pytest
import torch
from torch.nn import functional as F

from mmwsl.functional import affinity_random_walk


def case(classes=3, height=5, width=7):
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (3, height, width), generator=generator, dtype=torch.uint8)
    return torch.rand(classes, height, width, generator=generator, dtype=torch.float64), image


def transition(image, radius, beta):
    """Compute T of the docstring for all pairs of pixels one by one."""
    _, height, width = image.shape
    pixels = [(y, x) for y in range(height) for x in range(width)]
    distance = {}
    for i, (y, x) in enumerate(pixels):
        for j, (v, u) in enumerate(pixels):
            if math.hypot(y - v, x - u) <= radius:
                distance[i, j] = ((image[:, y, x].double() - image[:, v, u].double()) ** 2).sum().item()
    others = [value for (i, j), value in distance.items() if i != j]
    matrix = torch.zeros(len(pixels), len(pixels), dtype=torch.float64)
    for pair, value in distance.items():
        matrix[pair] = math.exp(-value / (2 * sum(others) / len(others))) ** beta
    return matrix / matrix.sum(1, keepdim=True)


@pytest.mark.parametrize('radius, beta, log_steps', [(1, 8.0, 0), (2, 8.0, 3), (3, 0.0, 2), (20, 2.5, 5)])
def test_a_power_of_the_dense_matrix(radius, beta, log_steps):
    scores, image = case()
    matrix = torch.linalg.matrix_power(transition(image, radius, beta), 2**log_steps)
    expected = (matrix @ scores.flatten(1).T).T.reshape(scores.shape)
    walked = affinity_random_walk(scores, image, radius, 1, beta, log_steps)
    torch.testing.assert_close(walked, expected, rtol=1e-9, atol=1e-12)


def test_locations_are_means_of_pixels():
    scores, image = case(height=6, width=8)
    blocks = [values.double().unfold(1, 2, 2).unfold(2, 2, 2).mean((3, 4)) for values in (scores, image)]
    coarse = affinity_random_walk(*blocks, radius=2, stride=1, log_steps=3)
    walked = affinity_random_walk(scores, image, radius=2, stride=2, log_steps=3)
    torch.testing.assert_close(walked, F.interpolate(coarse[None], (6, 8), mode='bilinear', align_corners=False)[0])


def test_scores_propagate_to_the_edge_but_not_across():
    image = torch.zeros(3, 8, 12)
    image[:, :, 6:] = 200
    scores = torch.zeros(1, 8, 12)
    scores[0, 3, 2] = 1
    walked = affinity_random_walk(scores, image, stride=1, radius=2, beta=40.0, log_steps=9)[0]
    assert (walked[:, :6] > 0.01).all() and (walked[:, 6:] < 1e-4).all()


def test_averages_preserve_range_and_sums():
    scores, image = case(height=9, width=11)
    scores /= scores.sum(0)
    walked = affinity_random_walk(scores, image, stride=2)
    torch.testing.assert_close(walked.sum(0), torch.ones(9, 11, dtype=torch.float64))
    assert (walked.amax((1, 2)) <= scores.amax((1, 2))).all() and (walked.amin((1, 2)) >= scores.amin((1, 2))).all()
    flat = affinity_random_walk(scores, torch.full((3, 9, 11), 7), stride=1, radius=20, log_steps=0)
    torch.testing.assert_close(flat, scores.mean((1, 2), keepdim=True).expand_as(scores))
    one = scores[:, :1, :1]
    torch.testing.assert_close(affinity_random_walk(one, image[:, :1, :1]), one)


def test_gradient_reaches_the_scores():
    scores, image = case(2, 3, 4)
    scores.requires_grad_()
    assert torch.autograd.gradcheck(lambda s: affinity_random_walk(s, image, 1, 2, 8.0, 2), scores)


def test_half_precision_is_computed_in_single():
    scores, image = case()
    walked = affinity_random_walk(scores.half(), image, stride=1)
    assert walked.dtype == torch.float32
    torch.testing.assert_close(walked, affinity_random_walk(scores, image, stride=1).float(), rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(radius=0), '`radius` must be an integer of at least 1, got 0'),
        (dict(stride=0), '`stride`'),
        (dict(log_steps=-1), '`log_steps`'),
        (dict(log_steps=2.5), 'got 2.5'),
        (dict(beta=-1.0), '`beta` must be a non-negative finite number'),
        (dict(beta=math.nan), '`beta`'),
        (dict(image=torch.zeros(3, 4, 4)), r'`image` must be \(C, 5, 7\) like `scores`, got \(3, 4, 4\)'),
        (dict(scores=torch.full((2, 5, 7), math.inf)), '`scores` must be finite'),
        (dict(scores=torch.zeros(5, 7)), r'must be \(K, H, W\)'),
    ],
)
def test_bad_input(change, message):
    scores, image = case()
    with pytest.raises(ValueError, match=message):
        affinity_random_walk(**{**dict(scores=scores, image=image), **change})
