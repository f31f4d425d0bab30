"""Bilinear interpolation by a transposed convolution; overlap-tile against the whole mirrored image."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mmwsl.functional import bilinear_kernel, overlap_tile


@pytest.mark.parametrize('factor', [2, 4, 8, 32])
def test_transposed_convolution_interpolates(factor):
    x = torch.randn(1, 1, 5, 6, generator=torch.Generator().manual_seed(0))
    found = F.conv_transpose2d(x, bilinear_kernel(factor)[None, None], stride=factor, padding=factor // 2)
    expected = F.interpolate(x, scale_factor=factor, mode='bilinear', align_corners=False)
    inner = slice(factor, -factor)  # the convolution pads with zeros
    torch.testing.assert_close(found[..., inner, inner], expected[..., inner, inner], atol=1e-5, rtol=1e-5)


def test_kernel_of_factor_2():
    expected = torch.outer(*[torch.tensor([0.25, 0.75, 0.75, 0.25])] * 2)
    torch.testing.assert_close(bilinear_kernel(2), expected, rtol=0, atol=0)


@pytest.mark.parametrize('factor', [0, -2, 3])
def test_bad_factor(factor):
    with pytest.raises(ValueError, match=f'`factor` must be a positive even number, got {factor}'):
        bilinear_kernel(factor)


@pytest.mark.parametrize('factor', [1, 2, 3, 32])
def test_odd_kernel_is_centered_at_pixels(factor):
    """A location keeps its value at its pixel, and values between two locations are linear."""
    x = torch.randn(1, 1, 4, 5, generator=torch.Generator().manual_seed(0))
    kernel = bilinear_kernel(factor, 2 * factor - 1)
    found = F.conv_transpose2d(x, kernel[None, None], stride=factor, padding=factor - 1)
    expected = F.interpolate(x, size=found.shape[2:], mode='bilinear', align_corners=True)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found[..., ::factor, ::factor], x)


def test_taps():
    with pytest.raises(ValueError, match='`taps` must be 64 or 63 for a factor of 32, got 65'):
        bilinear_kernel(32, 65)


def _mirror(image, margin):
    return torch.from_numpy(np.pad(image.numpy(), ((0, 0), (0, 0), (margin, margin), (margin, margin)), 'reflect'))


@pytest.mark.parametrize('size', [(8, 8), (13, 21), (3, 2), (1, 9)])
@pytest.mark.parametrize('tile', [4, 5, 32])
def test_tiles_score_the_mirrored_image(size, tile):
    """Images smaller than the margin are mirrored repeatedly, as in numpy."""
    torch.manual_seed(0)
    margin = 4
    net = nn.Sequential(nn.Conv2d(2, 3, 5, padding=2), nn.ReLU(), nn.Conv2d(3, 2, 5, padding=2)).double()
    image = torch.randn(2, 2, *size, dtype=torch.float64)
    expected = net(_mirror(image, 2 * margin))[..., 2 * margin : -2 * margin, 2 * margin : -2 * margin]
    torch.testing.assert_close(overlap_tile(net, image, tile, margin), expected)


def _strided():
    """Return a U-shaped network of stride 4, with a context of 18 pixels at most."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(4),
        nn.Conv2d(4, 4, 3, padding=1),
        nn.ReLU(),
        nn.Upsample(scale_factor=4, mode='bilinear'),
        nn.Conv2d(4, 2, 3, padding=1),
    ).double()


def test_away_from_the_border_tiles_equal_the_whole_image():
    torch.manual_seed(0)
    net, image = _strided(), torch.randn(1, 1, 96, 80, dtype=torch.float64)
    whole, tiled = net(image), overlap_tile(net, image, tile=16, margin=20)
    torch.testing.assert_close(tiled[..., 20:-20, 20:-20], whole[..., 20:-20, 20:-20])
    assert not torch.allclose(tiled, whole), 'the border should be mirrored, not padded with zeros'


def test_a_margin_without_context_leaves_seams():
    torch.manual_seed(0)
    net, image = _strided(), torch.randn(1, 1, 96, 80, dtype=torch.float64)
    whole, tiled = net(image), overlap_tile(net, image, tile=16, margin=0)
    assert not torch.allclose(tiled[..., 20:-20, 20:-20], whole[..., 20:-20, 20:-20])


def test_windows_do_not_grow_with_the_image():
    seen = []
    overlap_tile(lambda x: seen.append(x.shape[2:]) or x, torch.zeros(1, 1, 50, 33), tile=16, margin=8)
    assert seen == [(32, 32)] * (4 * 3)


@pytest.mark.parametrize(
    'settings, message',
    [
        (dict(tile=0, margin=1), '`tile` must be positive and `margin` non-negative, got 0 and 1'),
        (dict(tile=4, margin=-1), '`margin` non-negative, got 4 and -1'),
    ],
)
def test_bad_tiles(settings, message):
    with pytest.raises(ValueError, match=message):
        overlap_tile(nn.Identity(), torch.zeros(1, 1, 8, 8), **settings)


def test_a_network_that_shrinks_its_window_is_rejected():
    with pytest.raises(ValueError, match='must keep the size of its window, 8 x 8 pixels, got 4 x 4'):
        overlap_tile(nn.MaxPool2d(2), torch.zeros(1, 1, 8, 8), tile=4, margin=2)


def test_images_without_pixels_are_rejected():
    with pytest.raises(ValueError, match=r'`inputs` must be .* at least one pixel, got \(1, 1, 0, 8\)'):
        overlap_tile(nn.Identity(), torch.zeros(1, 1, 0, 8), tile=4, margin=2)
