"""Features under class maps, and their softmax loss."""

import math

import torch
from torch.nn import functional as F

from mmwsl.functional import class_features, reactivation_loss

ALL = torch.ones(1, 1, 2, dtype=torch.bool)


def test_the_worked_example():
    features = torch.tensor([[[[2.0, 0.0]], [[0.0, 4.0]]]])  # two channels, two locations
    maps = torch.tensor([[[[1.0, 0.5]]]])
    torch.testing.assert_close(class_features(maps, features, ALL), torch.tensor([[[1.0, 1.0]]]), atol=1e-4, rtol=0)


def test_a_constant_map_averages_all_features():
    features = torch.randn(2, 5, 3, 4, generator=torch.manual_seed(0))
    result = class_features(torch.full((2, 2, 3, 4), 3.0), features, torch.ones(2, 3, 4, dtype=torch.bool))
    torch.testing.assert_close(result, features.mean((2, 3))[:, None].expand(2, 2, 5), atol=1e-4, rtol=1e-4)


def test_padding_takes_no_part():
    generator = torch.manual_seed(0)
    features, maps = torch.randn(1, 3, 2, 2, generator=generator), torch.rand(1, 2, 2, 2, generator=generator)
    valid = torch.ones(1, 2, 3, dtype=torch.bool)
    valid[..., 2] = False
    padded = F.pad(features, (0, 1), value=math.inf), F.pad(maps, (0, 1), value=9.0)
    expected = class_features(maps, features, valid[..., :2])
    torch.testing.assert_close(class_features(padded[1], padded[0], valid), expected)


def test_a_class_without_a_positive_score_has_no_features_and_no_gradient():
    maps = torch.full((1, 1, 1, 2), -1.0, requires_grad=True)
    result = class_features(maps, torch.ones(1, 3, 1, 2), ALL)
    result.sum().backward()
    assert result.abs().sum() == 0 and maps.grad.abs().sum() == 0


def test_the_loss_is_the_mean_over_present_classes_then_images():
    logits = torch.randn(3, 4, 4, generator=torch.manual_seed(0))
    labels = torch.tensor([[1, 0, 1, -1], [0, 0, 0, 0], [0, 1, 0, 0]]).float()

    def cross_entropy(image, label):
        return -logits[image, label].log_softmax(0)[label]

    expected = ((cross_entropy(0, 0) + cross_entropy(0, 2)) / 2 + 0 + cross_entropy(2, 1)) / 3
    torch.testing.assert_close(reactivation_loss(logits, labels), expected)


def test_the_order_of_the_classes_does_not_matter_and_one_class_has_no_loss():
    logits = torch.randn(2, 3, 3, generator=torch.manual_seed(0))
    labels = torch.tensor([[1, 0, 1], [0, 1, 0]]).float()
    order = [2, 0, 1]
    expected = reactivation_loss(logits, labels)
    torch.testing.assert_close(reactivation_loss(logits[:, order][:, :, order], labels[:, order]), expected)
    assert reactivation_loss(torch.randn(2, 1, 1), torch.ones(2, 1)) == 0
