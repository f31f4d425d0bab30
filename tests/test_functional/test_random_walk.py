"""Random walks against a dense matrix of all pairs of pixels."""

import math

import pytest
import torch
from torch.nn import functional as F

from mmwsl.functional import affinity_random_walk, half_disc_offsets, sparse_random_walk


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


def dense_walk(scores, affinities, offsets, beta, steps):
    """Multiply by the power of a dense matrix whose columns sum to 1, as the authors' code does."""
    _, height, width = scores.shape
    matrix = torch.eye(height * width, dtype=torch.float64)
    for (dy, dx), values in zip(offsets, affinities, strict=True):
        for y in range(height):
            for x in range(width):
                if y + dy < height and 0 <= x + dx < width:
                    i, j = y * width + x, (y + dy) * width + x + dx
                    matrix[i, j] = matrix[j, i] = values[y, x] ** beta
    matrix /= matrix.sum(0, keepdim=True)
    return (scores.flatten(1) @ torch.linalg.matrix_power(matrix, steps)).view_as(scores)


@pytest.mark.parametrize('beta, log_steps', [(8.0, 8), (1.0, 0), (0.0, 2), (2.5, 3)])
def test_given_affinities_equal_the_dense_matrix(beta, log_steps):
    scores, _ = case(3, 12, 12)
    offsets = half_disc_offsets(5)
    affinities = torch.rand(34, 12, 12, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    walked = sparse_random_walk(scores, affinities, offsets, beta, log_steps)
    expected = dense_walk(scores, affinities, offsets, beta, 2**log_steps)
    torch.testing.assert_close(walked, expected, rtol=1e-9, atol=1e-12)
    constant = torch.full_like(scores, 0.7)
    torch.testing.assert_close(sparse_random_walk(constant, affinities, offsets, beta, log_steps), constant)


@pytest.mark.parametrize(
    'beta, log_steps, expected',
    [
        (1, 0, (0.6667, 0.3333, 0)),
        (1, 8, (0.5, 0.5, 0)),
        (8, 0, (0.9961, 0.0039, 0)),
        (8, 8, (0.5677, 0.4323, 0)),
    ],
)
def test_three_pixels_by_hand(beta, log_steps, expected):
    scores, affinities = torch.tensor([[[1.0, 0, 0]]]), torch.tensor([[[0.5, 0, 0]]])
    walked = sparse_random_walk(scores, affinities, [(0, 1)], beta, log_steps)
    assert walked[0, 0].tolist() == pytest.approx(expected, abs=1e-4)


def test_many_steps_stay_within_the_range_of_each_class():
    generator = torch.Generator().manual_seed(0)
    scores = torch.stack([torch.ones(40, 50), torch.zeros(40, 50), torch.rand(40, 50, generator=generator)])
    affinities = torch.rand(34, 40, 50, generator=generator)
    walked = sparse_random_walk(scores, affinities, half_disc_offsets(5), 2.0, 9)
    assert walked[0].max() == 1 and walked[0].min() > 0.999 and not walked[1].any()
    assert scores[2].min() <= walked[2].min() and walked[2].max() <= scores[2].max()


def test_walls_isolate_and_no_affinity_is_the_identity():
    scores, _ = case(2, 4, 7)
    offsets = half_disc_offsets(3)
    none = torch.zeros(12, 4, 7, dtype=torch.float64)
    assert torch.equal(sparse_random_walk(scores, none, offsets), scores)
    walls = none.clone()  # between columns 3 and 4
    for values, (_, dx) in zip(walls, offsets, strict=True):
        x = torch.arange(7)
        values[:, (x <= 3) == (x + dx <= 3)] = 1
    scores[:, :, :4] = 0
    walked = sparse_random_walk(scores, walls, offsets, log_steps=4)
    assert (walked[:, :, :4] == 0).all() and (walked[:, :, 4:] > 0).all()


def test_gradient_reaches_the_affinities():
    scores, _ = case(2, 3, 4)
    affinities = 0.1 + 0.8 * torch.rand(4, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    inputs = scores.requires_grad_(), affinities.requires_grad_()
    assert torch.autograd.gradcheck(lambda s, a: sparse_random_walk(s, a, half_disc_offsets(2), 2.0, 2), inputs)


@pytest.mark.parametrize(
    'affinities, message',
    [
        (torch.zeros(3, 5, 7), r'one map for each of 4 offsets, got \(3, 5, 7\)'),
        (torch.full((4, 5, 7), 1.5), r'`affinities` must be in \[0, 1\], got 1.5 to 1.5'),
        (torch.full((4, 5, 7), math.nan), '`affinities` must be in'),
    ],
)
def test_bad_affinities(affinities, message):
    with pytest.raises(ValueError, match=message):
        sparse_random_walk(case()[0], affinities, half_disc_offsets(2))


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
