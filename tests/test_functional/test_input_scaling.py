"""The input scaling of weights, from a network whose statistics are measured."""

import pytest
import torch
from torch import nn

from mmwsl.functional.input_scaling import IMAGENET_MEAN, infer_input_scaling

SCALINGS = [((127.5,) * 3, (127.5,) * 3), ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)), ((0,) * 3, (255,) * 3)]


@pytest.mark.parametrize('used', [0, 1, 2])
def test_statistics_measured_on_colors_tell_the_scaling(seeded, used):
    """Batch normalization learns its statistics from random images with the mean color of ImageNet."""
    conv, norm = nn.Conv2d(3, 32, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(32, momentum=None)
    mean, std = (torch.tensor(values)[:, None, None] for values in SCALINGS[used])
    for _ in range(20):
        colors = torch.tensor(IMAGENET_MEAN)[:, None, None] + 50 * torch.randn(4, 1, 8, 8).repeat_interleave(3, 1)
        images = nn.functional.interpolate(colors, size=64, mode='bilinear')
        norm(conv((images - mean) / std))
    statistics = (conv.weight.detach(), norm.running_mean, norm.running_var)
    assert infer_input_scaling(*statistics, SCALINGS) == used
    assert infer_input_scaling(*statistics, SCALINGS[::-1]) == 2 - used


def test_dead_channels_do_not_decide(seeded):
    weight = torch.randn(8, 3, 3, 3)
    color = (torch.tensor(IMAGENET_MEAN) - 127.5) / 127.5
    mean, variance = weight.sum((2, 3)) @ color, torch.ones(8)
    mean[:3], variance[:3] = 7.0, 0.0
    assert infer_input_scaling(weight, mean, variance, SCALINGS) == 0


def test_gray_images_are_rejected():
    with pytest.raises(ValueError, match=r'`weight` must be \(C, 3, h, w\), got \(8, 1, 3, 3\)'):
        infer_input_scaling(torch.ones(8, 1, 3, 3), torch.ones(8), torch.ones(8), SCALINGS)
