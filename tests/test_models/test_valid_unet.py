"""U-Net without padding, and its loss."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt
from torch.nn import functional as F

from mmwsl.functional import overlap_tile
from mmwsl.models import BorderWeightedCrossEntropyLoss, ValidUNet


def network(channels=4):
    torch.manual_seed(0)
    unet = ValidUNet(channels)
    unet.init_weights()
    return unet.eval()


@pytest.mark.parametrize(('side', 'output'), [(572, 388), (188, 4)])
def test_sizes_of_the_paper(side, output):
    assert network(1).valid_features(torch.zeros(1, 3, side, side)).shape == (1, 1, output, output)


def test_parameters_of_the_paper():
    with torch.device('meta'):
        count = sum(parameter.numel() for parameter in ValidUNet().parameters())
    convolutions = sum(
        9 * (a + b) * b + 2 * b for a, b in [(3, 64), (64, 128), (128, 256), (256, 512), (512, 1024)]
    ) + sum(4 * 2 * b * b + b + 9 * 3 * b * b + 2 * b for b in (512, 256, 128, 64))
    assert count == convolutions


@pytest.mark.parametrize('side', [1, 2, 33, 100, 388])
def test_the_feature_map_has_the_size_of_the_image(side):
    (features,) = network(1)(torch.rand(1, 3, side, 20))
    assert features.shape == (1, 1, side, 20)


def test_the_border_is_mirrored():
    unet, image = network(), torch.rand(1, 3, 100, 100)
    padded = F.pad(image, (92, 92, 92, 92), mode='reflect')
    assert padded.shape[2] % 16 == 12
    torch.testing.assert_close(unet(image)[0], unet.valid_features(padded))


def test_feature_maps_of_the_way_down_are_cropped_at_the_center():
    """With kernels that are equal in all places, a flipped image gives flipped features."""
    unet, image = network(), torch.rand(1, 3, 204, 220)
    with torch.no_grad():
        for parameter in unet.parameters():
            if parameter.ndim == 4:
                parameter.copy_(parameter.mean((2, 3), keepdim=True).expand_as(parameter))
        for dims in (2, 3):
            torch.testing.assert_close(unet.valid_features(image.flip(dims)), unet.valid_features(image).flip(dims))


def test_tiles_have_the_scores_of_the_whole_image():
    unet, image = network(), torch.rand(1, 3, 130, 100, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        whole = unet(image)[0]
        tiled = overlap_tile(lambda window: unet(window)[0], image, tile=64, margin=96)
        shifted = overlap_tile(lambda window: unet(window)[0], image, tile=60, margin=96)
    torch.testing.assert_close(tiled, whole, atol=1e-5, rtol=1e-5)
    assert (shifted - whole).abs().max() > 1e-3, 'tiles off the stride of 16 have other poolings'


def test_he_initialization():
    unet = ValidUNet(32)
    unet.init_weights()
    weight = unet.down[2][0].weight  # 64 to 128 channels
    assert weight.std().item() == pytest.approx(math.sqrt(2 / (9 * 64)), rel=0.02)


def test_illegal_sizes():
    for side in (187, 200, 184):
        with pytest.raises(ValueError, match=f'12 more than a multiple of 16, got {side} x 188'):
            network(1).valid_features(torch.zeros(1, 3, side, 188))


def masks():
    labels = torch.zeros(2, 24, 30, dtype=torch.int64)
    labels[0, 3:12, 3:10], labels[0, 3:12, 12:20], labels[0, 14:, 5:9] = 1, 1, 2  # two instances of class 1
    labels[1, :5], labels[1, 7:12] = 255, 1  # the ignored rows are no second instance
    return labels


@pytest.mark.parametrize('balanced', [True, False])
def test_the_loss_is_a_weighted_mean(balanced):
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 3, 24, 30), masks()
    found = BorderWeightedCrossEntropyLoss(balanced=balanced)(logits, labels, ignore_index=255)
    components = [labels[0] == 1, labels[0] == 2]
    left, right = components[0].clone(), components[0].clone()
    left[:, 11:], right[:, :11] = False, False
    distances = np.sort([distance_transform_edt(~part.numpy()) for part in (left, right, components[1])], axis=0)
    border = 10 * np.exp(-((distances[0] + distances[1]) ** 2) / 50) * (labels[0] == 0).numpy()
    weights = (labels != 255).double()
    if balanced:
        for weight, mask, classes in zip(weights, labels, ((0, 1, 2), (0, 1)), strict=True):
            for label in classes:
                here = mask == label
                weight[here] = (mask != 255).sum() / (len(classes) * here.sum())
    weights[0] += torch.from_numpy(border)
    pixels = F.cross_entropy(logits, labels, ignore_index=255, reduction='none').double()
    expected = (weights * pixels).sum() / (labels != 255).sum()
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=0)


def test_the_loss_without_weights_is_the_cross_entropy():
    logits, labels = torch.randn(2, 3, 24, 30), masks()
    found = BorderWeightedCrossEntropyLoss(border_weight=0.0, balanced=False)(logits, labels, ignore_index=255)
    torch.testing.assert_close(found, F.cross_entropy(logits, labels, ignore_index=255))


def test_ignored_pixels_have_no_gradient_and_gaps_have_the_largest():
    logits, labels = torch.zeros(2, 3, 24, 30, requires_grad=True), masks()
    BorderWeightedCrossEntropyLoss(balanced=False)(logits, labels, ignore_index=255).backward()
    sizes = logits.grad.abs().sum(1)
    assert not sizes[1, :5].any() and sizes[1, 5:].all()
    assert sizes[0].argmax() % 30 in (10, 11) and sizes[0, 5, 10] > 8 * sizes[0, 22, 25]
