"""Affinities of neighbors, labels of pairs and their losses, against a loop over all pairs."""

import math

import pytest
import torch

from mmwsl.functional import (
    affinity_losses,
    boundary_affinities,
    displacement_centers,
    displacement_groups,
    displacement_losses,
    feature_affinities,
    half_disc_offsets,
    pair_labels,
    path_locations,
)

from .helpers import random_scores

OFFSETS = half_disc_offsets(3)


def pairs_of(height, width, radius):
    """List all pairs of locations closer than ``radius``, each once, by (y, x, dy, dx)."""
    found = []
    for y in range(height):
        for x in range(width):
            for v in range(height):
                for u in range(width):
                    if (v, u) > (y, x) and math.hypot(v - y, u - x) < radius:
                        found.append((y, x, v - y, u - x))
    return found


@pytest.mark.parametrize('radius, count', [(2, 4), (3, 12), (5, 34), (10, 152)])
def test_half_a_disc_without_its_border(radius, count):
    offsets = half_disc_offsets(radius)
    assert len(offsets) == len(set(offsets)) == count
    disc = {(y, x) for y in range(-12, 13) for x in range(-12, 13) if 0 < y * y + x * x < radius**2}
    assert {*offsets, *((-dy, -dx) for dy, dx in offsets)} == disc
    assert all(dy > 0 or (dy == 0 and dx > 0) for dy, dx in offsets)


def test_each_pair_of_a_map_is_there_once():
    labels = torch.zeros(1, 4, 5, dtype=torch.long)
    for radius in (3, 9):  # the second is larger than the map
        offsets = half_disc_offsets(radius)
        pairs = pair_labels(labels, offsets)[0]
        found = [(y, x, *offsets[o]) for o, y, x in (pairs >= 0).nonzero().tolist()]
        assert sorted(found) == sorted(pairs_of(4, 5, radius))


def test_equal_features_have_affinity_one():
    features = torch.tensor([[0.0, 1.0], [0.0, 3.0]]).view(1, 2, 1, 2)
    assert feature_affinities(features, [(0, 1)])[0, 0, 0, 0].item() == pytest.approx(math.exp(-2), abs=1e-6)
    ones = feature_affinities(torch.full((1, 7, 4, 5), 0.3), OFFSETS)
    inside = pair_labels(torch.zeros(1, 4, 5, dtype=torch.long), OFFSETS) >= 0
    assert (ones[inside] == 1).all() and (ones[~inside] == 0).all()


def test_feature_affinities_of_every_pair():
    features = random_scores(2, 3, 4, 5)
    affinities = feature_affinities(features, OFFSETS)
    for y, x, dy, dx in pairs_of(4, 5, 3):
        expected = torch.exp(-(features[:, :, y, x] - features[:, :, y + dy, x + dx]).abs().mean(1))
        torch.testing.assert_close(affinities[:, OFFSETS.index((dy, dx)), y, x], expected)


@pytest.mark.parametrize(
    'offset, path',
    [
        ((0, 3), [(0, 0), (0, 1), (0, 2), (0, 3)]),
        ((1, 1), [(0, 0), (0, 1), (1, 0), (1, 1)]),
        ((1, 2), [(y, x) for y in range(2) for x in range(3)]),
        ((2, -2), [(0, -1), (0, 0), (1, -2), (1, -1), (1, 0), (2, -2), (2, -1)]),
    ],
)
def test_paths(offset, path):
    assert sorted(path_locations(*offset)) == path


def test_boundary_affinities_of_every_pair():
    boundaries = random_scores(2, 4, 5).sigmoid()
    affinities = boundary_affinities(boundaries, OFFSETS)
    for y, x, dy, dx in pairs_of(4, 5, 3):
        path = [
            (v, u)
            for v in range(y, y + dy + 1)
            for u in range(min(x, x + dx), max(x, x + dx) + 1)
            if abs(dy * (u - x) - dx * (v - y)) / math.hypot(dy, dx) < 1
        ]
        highest = torch.stack([boundaries[:, v, u] for v, u in path]).amax(0)
        torch.testing.assert_close(affinities[:, OFFSETS.index((dy, dx)), y, x], 1 - highest)
    padded = torch.nn.functional.pad(boundaries, (5, 5, 0, 5), value=1.0)
    torch.testing.assert_close(boundary_affinities(padded, OFFSETS)[:, :, :4, 5:-5], affinities)


def test_the_boundary_of_a_path_and_its_losses():
    affinities = boundary_affinities(torch.tensor([[[0.1, 0.7, 0.2]]]), [(0, 2)])
    assert affinities[0, 0, 0].tolist() == pytest.approx([0.3, 0, 0])
    for kind, index, expected in ((0, 0, 1.2039), (1, 1, 1.2039), (2, 2, 0.3567)):
        pairs = torch.tensor([kind, -1, -1]).view(1, 1, 1, 3)
        losses = affinity_losses(affinities, pairs)
        assert losses[index].item() == pytest.approx(expected, abs=1e-4)
        assert sum(losses).item() == pytest.approx(expected, abs=1e-4)


def test_pair_labels_by_hand():
    labels = torch.tensor([[[0, 0, 1], [2, 1, 255]]])
    pairs = pair_labels(labels, [(0, 1), (1, -1), (1, 0)])[0]
    assert pairs.tolist() == [[[0, 2, -1], [2, -1, -1]], [[-1, 2, 1], [-1] * 3], [[2, 2, -1], [-1] * 3]]
    inner = pair_labels(torch.zeros(1, 9, 9, dtype=torch.long), half_disc_offsets(3), margin=2)
    assert (inner[:, :, :7, 2:7] == 0).all() and int((inner >= 0).sum()) == 12 * 7 * 5


def test_losses_are_means_over_each_kind():
    affinities = random_scores(2, 4, 3, 3).sigmoid().requires_grad_()
    pairs = torch.randint(-1, 3, affinities.shape, generator=torch.Generator().manual_seed(0))
    losses = affinity_losses(affinities, pairs)
    for kind in range(3):
        values = affinities[pairs == kind]
        expected = -((1 - values) if kind == 2 else values).log().mean()
        assert losses[kind].item() == pytest.approx(expected.item(), rel=1e-3)
    (gradient,) = torch.autograd.grad(sum(losses), affinities)
    assert ((gradient != 0) == (pairs >= 0)).all()
    assert (gradient[pairs == 2] > 0).all() and (gradient[(pairs == 0) | (pairs == 1)] < 0).all()


def test_empty_kinds_have_no_loss_and_no_nan():
    logits = torch.tensor([[[[-200.0, 200.0, 0.0]]]], requires_grad=True)  # affinities of exactly 0 and 1
    nothing = torch.full((1, 1, 1, 3), -1)
    losses = affinity_losses(logits.sigmoid(), nothing)
    assert [loss.item() for loss in losses] == [0, 0, 0]
    (gradient,) = torch.autograd.grad(sum(losses), logits)
    assert (gradient == 0).all()
    field = torch.randn(1, 2, 1, 3, requires_grad=True)
    losses = displacement_losses(field, nothing, [(0, 1)])
    assert [loss.item() for loss in losses] == [0, 0]
    assert (torch.autograd.grad(sum(losses), field)[0] == 0).all()
    for kind in range(3):
        assert all(loss.isfinite() for loss in affinity_losses(logits.sigmoid(), torch.full_like(nothing, kind)))


def two_discs():
    """Return labels of two discs of a class, and the field to their centroids, 0 in the background."""
    y, x = torch.meshgrid(torch.arange(24), torch.arange(40), indexing='ij')
    labels, field = torch.zeros(24, 40, dtype=torch.long), torch.zeros(2, 24, 40, dtype=torch.float64)
    for center in ((11, 9), (12, 28)):
        inside = (y - center[0]) ** 2 + (x - center[1]) ** 2 <= 49
        labels[inside] = 1
        for axis, positions in enumerate((y, x)):
            field[axis][inside] = (center[axis] - positions[inside]).double()
    return labels, field


def test_the_field_to_the_centroids_has_no_loss():
    labels, field = two_discs()
    pairs = pair_labels(labels[None], OFFSETS)
    assert [loss.item() for loss in displacement_losses(field[None], pairs, OFFSETS)] == [0, 0]
    _, wrong = displacement_losses(-field[None], pairs, OFFSETS)
    assert wrong > 1
    moved = field + torch.tensor([2.0, -3.0])[:, None, None]  # the loss does not see the mean
    assert [loss.item() for loss in displacement_losses(moved[None], pairs, OFFSETS)] == [0, 0]
    groups = displacement_groups(field)
    assert len(groups[labels == 1].unique()) == 2
    centers = displacement_centers(field)[:, labels == 1].round().long()
    assert {tuple(center) for center in centers.T.tolist()} == {(11, 9), (12, 28)}


def test_displacement_losses_of_every_pair():
    field = random_scores(2, 2, 4, 5)
    labels = torch.randint(0, 2, (2, 4, 5), generator=torch.Generator().manual_seed(0))
    sums = {0: [], 1: []}
    for n in range(2):
        for y, x, dy, dx in pairs_of(4, 5, 3):
            kind = labels[n, y, x].item()
            if kind == labels[n, y + dy, x + dx]:
                move = torch.tensor([dy, dx]) * kind
                sums[kind].append((field[n, :, y, x] - field[n, :, y + dy, x + dx] - move).abs().sum() / 2)
    losses = displacement_losses(field, pair_labels(labels, OFFSETS), OFFSETS)
    for kind in range(2):
        assert losses[kind].item() == pytest.approx(torch.stack(sums[kind]).mean().item(), rel=1e-5)


def test_gradients():
    features = random_scores(1, 2, 3, 4).requires_grad_()
    pairs = pair_labels(torch.tensor([[[0, 0, 1, 1], [0, 255, 1, 1], [0, 2, 2, 1]]]), OFFSETS)

    def of_features(values):
        return sum(affinity_losses(feature_affinities(values, OFFSETS), pairs))

    def of_boundaries(values):
        return sum(affinity_losses(boundary_affinities(values.sigmoid(), OFFSETS), pairs))

    assert torch.autograd.gradcheck(of_features, features)
    assert torch.autograd.gradcheck(of_boundaries, features[:, 0].detach().requires_grad_())
    assert torch.autograd.gradcheck(lambda values: sum(displacement_losses(values, pairs, OFFSETS)), features)


def test_the_loss_on_an_image_of_two_colors_falls():
    labels = torch.zeros(1, 8, 8, dtype=torch.long)
    labels[..., 4:] = 1
    colors = torch.stack([labels == 0, labels == 1], 1).double()
    weight = (0.1 * random_scores(3, 2)).requires_grad_()
    optimizer = torch.optim.SGD([weight], lr=0.5)
    pairs, values = pair_labels(labels, OFFSETS), []
    for _ in range(30):
        features = torch.einsum('ck,nkhw->nchw', weight, colors)
        background, foreground, negative = affinity_losses(feature_affinities(features, OFFSETS), pairs)
        loss = background / 4 + foreground / 4 + negative / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    assert values[-1] < 0.2 * values[0]


@pytest.mark.parametrize(
    'call, message',
    [
        (lambda: half_disc_offsets(1), '`radius` must be an integer of at least 2, got 1'),
        (lambda: half_disc_offsets(2.5), 'got 2.5'),
        (lambda: affinity_losses(torch.zeros(1, 2, 3, 3), torch.zeros(1, 1, 3, 3)), r'`pairs` must have the shape'),
        (
            lambda: displacement_losses(torch.zeros(1, 3, 4, 4), torch.zeros(1, 12, 4, 4), OFFSETS),
            r'`displacements` must be \(N, 2, h, w\) and `pairs` \(N, 12, h, w\)',
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
