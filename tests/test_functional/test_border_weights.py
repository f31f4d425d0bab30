"""Pixel weights of U-Net."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt

from mmwsl.functional import border_weights, class_frequency_weights


def expected(instances, weight, sigma):
    """The definition, with the distance transform of scipy."""
    ids = [i for i in np.unique(instances) if i > 0]
    nearest = np.sort([distance_transform_edt(instances != i) for i in ids], axis=0)[:2].sum(0)
    return weight * np.exp(-(nearest**2) / (2 * sigma**2)) * (instances == 0)


def blobs(seed, shape=(70, 90), count=6):
    rng = np.random.default_rng(seed)
    instances = np.zeros(shape, int)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    for i in range(1, count + 1):
        y, x, radius = rng.uniform(0, shape[0]), rng.uniform(0, shape[1]), rng.uniform(2, 12)
        instances[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] = i
    return instances


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize(('weight', 'sigma'), [(10.0, 5.0), (3.0, 1.5)])
def test_weights_follow_the_definition(seed, weight, sigma):
    instances = blobs(seed)
    found = border_weights(torch.from_numpy(instances), weight, sigma)
    np.testing.assert_allclose(found, expected(instances, weight, sigma), atol=2e-6)


@pytest.mark.parametrize(('gap', 'value'), [(1, 9.2312), (2, 8.3527)])
def test_gaps_of_known_width(gap, value):
    instances = torch.zeros(20, 30, dtype=torch.int64)
    instances[:, :10], instances[:, 10 + gap :] = 1, 2
    weights = border_weights(instances)
    torch.testing.assert_close(weights[:, 10 : 10 + gap], torch.full((20, gap), value), rtol=1e-4, atol=0)
    assert not weights[:, :10].any() and not weights[:, 10 + gap :].any(), 'a weight on an object'


def test_wide_gaps_have_no_weight():
    instances = torch.zeros(1, 60, dtype=torch.int64)
    instances[:, 0], instances[:, 25] = 1, 2  # d1 + d2 = 25 between them
    assert 0 < border_weights(instances)[:, 1:25].max() < 1e-4


@pytest.mark.parametrize('instances', [torch.zeros(5, 5, dtype=torch.int64), torch.eye(5, dtype=torch.int64)])
def test_one_instance_has_no_border(instances):
    assert not border_weights(instances).any()


def test_ids_that_are_no_instance():
    instances = torch.tensor([[1, 0, -1, 0, 2]])
    ten = [10 * math.exp(-16 / 50)] * 2
    torch.testing.assert_close(border_weights(instances)[0], torch.tensor([0, ten[0], 0, ten[1], 0]))


@pytest.mark.parametrize(
    ('arguments', 'match'),
    [
        ((torch.zeros(3, 3),), r'`instances` must be \(H, W\) int, got \(3, 3\) torch.float32'),
        ((torch.zeros(1, 3, 3, dtype=torch.int64),), r'got \(1, 3, 3\)'),
        ((torch.eye(3, dtype=torch.int64), -1.0), '`weight` must be non-negative .* got -1.0 and 5.0'),
        ((torch.eye(3, dtype=torch.int64), 10.0, 0.0), '`sigma` positive, got 10.0 and 0.0'),
    ],
)
def test_invalid_arguments(arguments, match):
    with pytest.raises(ValueError, match=match):
        border_weights(*arguments)


def test_every_class_of_an_image_has_the_same_total_weight():
    labels = torch.tensor([[0, 0, 0, 0, 0, 0, 5, 5, 2, 255]])
    weights = class_frequency_weights(labels)
    assert [weights[labels == label].sum().item() for label in (0, 5, 2)] == pytest.approx([3, 3, 3])
    assert weights[labels == 255].item() == 0 and weights.dtype == torch.float32
    assert not class_frequency_weights(torch.full((2, 2), 255)).any(), 'an image without labels'
