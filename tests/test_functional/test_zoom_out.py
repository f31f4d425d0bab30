"""Zoom-out features against interpolated feature maps, superpixel by superpixel."""

import pytest
import torch
from torch.nn import functional as F

from mmwsl.functional import superpixel_pool, zoom_out, zoom_out_features


@pytest.fixture
def superpixels():
    torch.manual_seed(0)
    return torch.randint(0, 6, (30, 40)) * 3  # ids with gaps


def interpolated_means(features, superpixels):
    pixels = F.interpolate(features[None].double(), size=superpixels.shape, mode='bilinear', align_corners=False)[0]
    return torch.stack([pixels[:, superpixels == number].mean(1) for number in superpixels.unique()]).float()


@pytest.mark.parametrize('size', [(7, 9), (1, 1), (1, 5), (60, 55), (30, 40)])
@pytest.mark.parametrize('dense_entries', [0, 2**25])
def test_pooling_is_the_mean_of_the_interpolated_map(superpixels, size, dense_entries, monkeypatch):
    monkeypatch.setattr(zoom_out, 'DENSE_ENTRIES', dense_entries)
    features = torch.randn(5, *size)
    torch.testing.assert_close(superpixel_pool(features, superpixels), interpolated_means(features, superpixels))


def test_the_box_excludes_the_padding(superpixels):
    """The image covers 24 x 32 pixels at (8, 16) of an input of 48 x 64, at half its original size."""
    features = torch.randn(3, 6, 8)
    pixels = F.interpolate(features[None], size=(60, 80), mode='bilinear', align_corners=False)[0]
    inside = pixels[:, 10:40, 20:60]
    expected = torch.stack([inside[:, superpixels == number].mean(1) for number in superpixels.unique()])
    torch.testing.assert_close(superpixel_pool(features, superpixels, (1 / 6, 2 / 3, 0.25, 0.75)), expected)


def test_values_outside_the_box_have_no_effect(superpixels):
    features = torch.randn(3, 10, 10)
    before = superpixel_pool(features, superpixels, (0, 0.5, 0, 0.6))
    features[:, 6:] = features[:, :, 7:] = 1e6
    assert torch.equal(superpixel_pool(features, superpixels, (0, 0.5, 0, 0.6)), before)


def test_features_are_all_layers_and_the_mean_of_the_last(superpixels):
    maps = [torch.randn(2, 16, 20), torch.randn(3, 8, 10), torch.randn(4, 8, 10)]
    features = zoom_out_features(maps, superpixels)
    assert features.shape == (6, 2 + 3 + 4 + 4)
    expected = torch.cat([interpolated_means(values, superpixels) for values in maps], 1)
    torch.testing.assert_close(features[:, :9], expected)
    scene = F.interpolate(maps[-1][None], size=superpixels.shape, mode='bilinear')[0].mean((1, 2))
    torch.testing.assert_close(features[:, 9:], scene.expand(6, -1))
    assert torch.equal(zoom_out_features(maps, superpixels, scene=False), features[:, :9])


def test_half_precision_maps_are_averaged_in_float32(superpixels):
    features = zoom_out_features([torch.full((1, 8, 8), 60000.0).half()], superpixels, scene=False)
    torch.testing.assert_close(features, torch.full((6, 1), 60000.0))


@pytest.mark.parametrize(
    ('maps', 'ids', 'box', 'message'),
    [
        ([], torch.zeros(4, 4).long(), (0, 1, 0, 1), '`maps` must have the feature map of at least one layer'),
        ([torch.rand(1, 3, 4, 4)], torch.zeros(4, 4).long(), (0, 1, 0, 1), r'`features` must be \(C, h, w\)'),
        ([torch.rand(3, 4, 4)], torch.zeros(4, 4), (0, 1, 0, 1), '`superpixels` must be integer ids.*float32'),
        (
            [torch.rand(3, 4, 4)],
            torch.zeros(1, 4, 4).long(),
            (0, 1, 0, 1),
            r'`superpixels` must be integer ids.*\(1, 4, 4\)',
        ),
        ([torch.rand(3, 4, 4)], torch.zeros(4, 4).long(), (0, 1.5, 0, 1), r'`box` must be.*\(0, 1.5, 0, 1\)'),
        ([torch.rand(3, 4, 4)], torch.zeros(4, 4).long(), (0, 1, 0.5, 0.5), '`box` must be'),
    ],
)
def test_bad_input(maps, ids, box, message):
    with pytest.raises(ValueError, match=message):
        zoom_out_features(maps, ids, box)
