"""The input scaling of weights, from networks whose batch normalization has seen photographs."""

import pytest
import skimage.data
import torch
from torch import nn

from mmwsl.functional.input_scaling import estimate_input_std


@pytest.mark.parametrize('kernel', [3, 7])
@pytest.mark.parametrize('std', [57.6, 127.5, 255.0])
def test_statistics_measured_on_photographs(seeded, std, kernel):
    """Filters that are random, edges or colors; another scaling is a factor of 2 away."""
    conv = nn.Conv2d(3, 32, kernel, stride=2, bias=False).requires_grad_(False)
    conv.weight[8:16] -= conv.weight[8:16].mean((2, 3), keepdim=True)
    conv.weight[16:24] -= conv.weight[16:24].mean(1, keepdim=True)
    norm = nn.BatchNorm2d(32, momentum=None)
    for image in (skimage.data.astronaut(), skimage.data.coffee(), skimage.data.chelsea()):
        colors = torch.from_numpy(image).permute(2, 0, 1)[None].float()
        norm(conv((colors - 120) / std))
    estimate = estimate_input_std(conv.weight, norm.running_var)
    assert std / 1.4 < estimate < std * 1.4


def test_it_scales_with_the_weights_and_the_statistics(seeded):
    weight, variance = torch.randn(8, 3, 3, 5), torch.rand(8) + 0.5
    estimate = estimate_input_std(weight, variance)
    assert estimate_input_std(3 * weight, variance) == pytest.approx(3 * estimate, rel=1e-5)
    assert estimate_input_std(weight, 4 * variance) == pytest.approx(estimate / 2, rel=1e-5)
    weight, variance = torch.cat([weight, torch.zeros(3, 3, 3, 5)]), torch.cat([variance, torch.zeros(3)])
    assert estimate_input_std(weight, variance) == pytest.approx(estimate, rel=1e-5), 'channels that are zero'


def test_a_filter_of_one_pixel_sees_the_spread_of_a_color():
    weight = torch.zeros(1, 3, 3, 3)
    weight[0, 1, 1, 1] = 1
    assert estimate_input_std(weight, torch.tensor([4.0])) == pytest.approx(70 / 2)


def test_gray_images_are_rejected():
    with pytest.raises(ValueError, match=r'`weight` must be \(C, 3, h, w\), got \(8, 1, 3, 3\)'):
        estimate_input_std(torch.ones(8, 1, 3, 3), torch.ones(8))
