"""Instances against scikit-image, and displacement fields of analytic discs."""

import math

import numpy as np
import pytest
import torch
from skimage.measure import label

from mmwsl.functional import (
    connected_components,
    displacement_centers,
    displacement_groups,
    instance_scores,
    label_instances,
)


def same_partition(first, second):
    pairs = set(zip(first.flatten().tolist(), second.flatten().tolist(), strict=True))
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


def spiral(size):
    """One component whose pixels are up to size^2 / 2 steps apart."""
    mask = np.zeros((size, size), int)
    y, x, dy, dx, length = 0, 0, 0, 1, size
    mask[0, 0] = 1
    for turn in range(size):
        for _ in range(length - 1):
            y, x = y + dy, x + dx
            mask[y, x] = 1
        dy, dx = dx, -dy
        length -= 2 * (turn % 2 == 1) if turn else 0
        if length < 3:
            break
    return mask


@pytest.mark.parametrize('seed', range(6))
def test_components_are_those_of_skimage(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2 + seed % 3, (33, 41))
    found = connected_components(torch.from_numpy(labels))
    assert same_partition(found.numpy(), label(labels, connectivity=1, background=-1))
    first = {}
    for index, component in enumerate(found.flatten().tolist()):
        assert component == first.setdefault(component, index)  # the index of its first pixel


def test_long_components_are_one():
    mask = spiral(61)
    assert label(mask, connectivity=1).max() == 1
    found = connected_components(torch.from_numpy(mask))
    assert found[torch.from_numpy(mask) == 1].unique().tolist() == [0]
    assert connected_components(torch.ones(1, 1, dtype=torch.uint8)).tolist() == [[0]]
    with pytest.raises(ValueError, match=r'`labels` must be integers \(H, W\), got torch.float32 \(2, 2\)'):
        connected_components(torch.zeros(2, 2))


def test_instances_are_of_one_class_without_background_and_ignored_pixels():
    labels = torch.tensor([[1, 1, 2, 0], [0, 255, 2, 1], [1, 255, 0, 1]], dtype=torch.uint8)
    instances, classes = label_instances(labels)
    assert instances.tolist() == [[1, 1, 2, 0], [0, 0, 2, 3], [4, 0, 0, 3]]
    assert classes.tolist() == [1, 2, 1, 1]
    groups = torch.tensor([[7, 8, 8, 8], [8, 8, 8, 8], [8, 8, 8, 8]])
    instances, classes = label_instances(labels, groups)
    assert instances.tolist() == [[1, 2, 3, 0], [0, 0, 3, 4], [5, 0, 0, 4]]
    assert classes.tolist() == [1, 1, 2, 1, 1]
    none, classes = label_instances(torch.zeros(3, 4, dtype=torch.long))
    assert not none.any() and classes.shape == (0,)
    with pytest.raises(ValueError, match=r'`groups` must have the size \(3, 4\)'):
        label_instances(labels, groups[:2])


def discs(size=(48, 80), radius=16, centers=((24, 25), (24, 54))):
    """Two discs that touch: their label map, ids, and the field that points to the nearer center."""
    pixels = torch.stack(torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in size), indexing='ij'))
    toward = torch.tensor(centers, dtype=torch.float64)[:, :, None, None] - pixels  # (2 discs, 2, H, W)
    distances = toward.norm(dim=1)
    nearest = distances.argmin(0)
    labels = (distances.amin(0) <= radius).long()
    field = toward.gather(0, nearest[None, None].expand(1, 2, -1, -1))[0]
    return labels, (nearest + 1) * labels, field


@pytest.mark.parametrize('fraction', [1.0, 0.3, 0.05])
def test_touching_discs_are_two_instances(fraction):
    labels, truth, field = discs()
    assert label_instances(labels)[1].tolist() == [1]  # their components merge
    groups = displacement_groups(fraction * field, threshold=2.5 * fraction)
    instances, classes = label_instances(labels, groups)
    agreement = [(instances == k)[truth == k].double().mean().item() for k in (1, 2)]
    assert classes.tolist() == [1, 1] and min(agreement) > 0.98
    if fraction == 1:
        assert torch.equal(instances, truth)


def test_centers_follow_the_field():
    _, truth, field = discs()
    row, column = displacement_centers(field, 1)  # an exact field needs one step
    for k, center in ((1, (24, 25)), (2, (24, 54))):
        ends = torch.stack([row, column])[:, truth == k].T
        torch.testing.assert_close(ends, torch.tensor(center).to(ends).expand_as(ends))
    row, column = displacement_centers(0.1 * field, 20)
    inside = truth == 1
    inside[:, 34:] = False  # away from the discontinuity, the rest of the distance is (1 - 0.1)^20
    expected = 25 - 0.9**20 * field[1]
    torch.testing.assert_close(column[inside], expected[inside])
    start = displacement_centers(field, 0)
    assert start[:, 5, 7].tolist() == [5, 7]
    # A constant field moves all pixels to the border, and not beyond.
    moved = displacement_centers(torch.ones(2, 6, 9), 50)
    assert (moved[0] == 5).all() and (moved[1] == 8).all()
    assert displacement_centers(torch.zeros(2, 1, 1)).tolist() == [[[0]], [[0]]]


def test_pixels_that_end_outside_of_all_regions_have_no_group():
    field = torch.full((2, 5, 6), 9.0)
    assert not displacement_groups(field).any()
    field[:, -1, -1] = 0
    assert (displacement_groups(field) == 1).all()


@pytest.mark.parametrize(
    ('field', 'options', 'match'),
    [
        (torch.zeros(3, 4, 4), {}, r'must be \(2, H, W\), got \(3, 4, 4\)'),
        (torch.full((2, 4, 4), math.nan), {}, '`displacements` must be finite'),
        (torch.zeros(2, 4, 4), dict(iterations=-1), '`iterations` must be non-negative, got -1'),
        (torch.zeros(2, 4, 4), dict(threshold=0), '`threshold` must be positive, got 0'),
    ],
)
def test_invalid_fields_are_rejected(field, options, match):
    with pytest.raises(ValueError, match=match):
        displacement_groups(field, **options)


def test_scores_are_the_maximum_of_the_class():
    torch.manual_seed(0)
    probs = torch.rand(3, 10, 20)
    labels = torch.zeros(10, 20, dtype=torch.long)
    labels[:4, :5], labels[6:, 10:], labels[0, 19] = 1, 2, 1
    instances, classes = label_instances(labels)
    scores = instance_scores(probs, instances, classes)
    assert scores.tolist() == [probs[1, :4, :5].max(), 0, probs[2, 6:, 10:].max()]  # a pixel is less than 1%
    assert instance_scores(probs, instances, classes, 0)[1] == probs[1, 0, 19]
    assert instance_scores(probs, torch.zeros(10, 20).long(), classes[:0]).shape == (0,)
    with pytest.raises(ValueError, match='ids up to 2'):
        instance_scores(probs, instances, classes[:2])
