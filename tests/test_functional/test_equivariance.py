"""Normalized maps, pixel correlation and the losses of SEAM."""

import torch
from torch.nn import functional as F

from mmwsl.functional import (
    equivariance_loss,
    hardest_mean,
    keep_highest,
    lowest_foreground,
    normalized_maps,
    pixel_correlation,
    scale_maps,
    with_background,
)


def everywhere(maps):
    return torch.ones(len(maps), *maps.shape[2:], dtype=torch.bool)


def random_maps(*shape):
    return torch.rand(shape, generator=torch.manual_seed(0))


def test_maps_are_scaled_by_their_maximum_inside_the_image():
    maps = torch.tensor([[[[-1.0, 1.0, 2.0, 50.0]]]])
    valid = torch.tensor([[[True, True, True, False]]])
    expected = torch.tensor([[[[0.0, 0.5, 1.0, 0.0]]]])
    torch.testing.assert_close(normalized_maps(maps, valid), expected, atol=1e-4, rtol=0)
    raised = torch.tensor([[[[1.0, 2.0, 3.0, 0.0]]]])
    torch.testing.assert_close(normalized_maps(raised, valid, subtract_min=True), expected, atol=1e-4, rtol=0)


def test_a_map_of_zeros_stays_zero_with_a_finite_gradient():
    maps = torch.zeros(1, 1, 2, 2, requires_grad=True)
    normalized_maps(maps, everywhere(maps)).sum().backward()
    assert maps.grad.isfinite().all()


def test_the_background_is_what_no_class_has_and_only_the_highest_class_stays():
    maps = with_background(torch.tensor([0.2, 0.7])[None, :, None, None])
    torch.testing.assert_close(maps.flatten(), torch.tensor([0.3, 0.2, 0.7]))
    torch.testing.assert_close(keep_highest(maps).flatten(), torch.tensor([0.3, 0.0, 0.7]))


def test_equal_features_average_everything_and_orthogonal_ones_nothing():
    maps = random_maps(1, 2, 2, 3)
    result = pixel_correlation(maps, torch.ones(1, 4, 2, 3), everywhere(maps))
    torch.testing.assert_close(result, maps.mean((2, 3), keepdim=True).expand_as(maps), atol=1e-4, rtol=1e-4)
    orthogonal = torch.eye(6).view(1, 6, 2, 3)
    torch.testing.assert_close(pixel_correlation(maps, orthogonal, everywhere(maps)), maps, atol=1e-4, rtol=1e-4)


def test_correlation_equals_its_sum_and_ignores_padding():
    generator = torch.manual_seed(0)
    maps, features = torch.rand(1, 2, 1, 4, generator=generator), torch.randn(1, 3, 1, 4, generator=generator)
    features[..., 3] = float('inf')
    valid = torch.tensor([[[True, True, True, False]]])
    result = pixel_correlation(maps, features, valid)
    for i in range(3):
        weights = [max(0, float(F.cosine_similarity(features[0, :, 0, i], features[0, :, 0, j], 0))) for j in range(3)]
        expected = sum(w * maps[0, :, 0, j] for j, w in enumerate(weights)) / sum(weights)
        torch.testing.assert_close(result[0, :, 0, i], expected, atol=1e-4, rtol=1e-4)


def test_only_the_features_get_a_gradient_where_the_maps_are_detached():
    maps, features = random_maps(1, 2, 2, 2), torch.randn(1, 3, 2, 2, requires_grad=True)
    pixel_correlation(maps, features, everywhere(maps)).square().sum().backward()
    assert features.grad.abs().sum() > 0


def test_an_equivariant_network_has_no_loss():
    image = random_maps(1, 3, 8, 8)

    def network(x):  # of each pixel alone: it commutes with scaling
        return 2 * x - 1

    maps = network(scale_maps(image, (4, 4)))
    assert equivariance_loss(scale_maps(network(image), (4, 4)), maps, everywhere(maps)) < 1e-6
    assert equivariance_loss(maps + 0.5, maps, everywhere(maps)) == 0.5


def test_the_equivariance_of_padding_does_not_count():
    maps = random_maps(1, 2, 1, 4)
    valid = torch.tensor([[[True, True, False, False]]])
    changed = maps.clone()
    changed[..., 2:] = float('nan')
    assert equivariance_loss(changed, maps, valid) == 0


def test_the_hardest_fifth_of_a_ramp():
    ramp = torch.arange(10.0).view(1, 2, 1, 5)
    assert hardest_mean(ramp, everywhere(ramp)) == 8.5
    assert hardest_mean(ramp, everywhere(ramp), share=1.0) == 4.5
    one = torch.tensor([[[True, False, False, False, False]]])
    assert hardest_mean(ramp, one) == 5  # of the two values 0 and 5, one


def test_the_lowest_quarter_of_the_highest_class():
    maps = torch.stack([torch.arange(8.0), torch.full((8,), 0.5)]).view(1, 2, 2, 4)
    assert lowest_foreground(maps, everywhere(maps)) == (0.5 + 1) / 2
    assert lowest_foreground(maps, torch.zeros(1, 2, 4, dtype=torch.bool)) == 0
