"""RoIAlign against its definition as loops, its analytic values on a ramp, and its gradient."""

import math
import sys

import pytest
import torch

from mmwsl.functional import roi_align, roi_align_gradient


def bilinear(image, y, x):
    """Sample ``(C, H, W)`` as the kernel of mmcv and torchvision does."""
    _, height, width = image.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return torch.zeros(image.shape[0], dtype=image.dtype)
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    dy, dx = y - top, x - left
    upper = (1 - dx) * image[:, top, left] + dx * image[:, top, right]
    lower = (1 - dx) * image[:, bottom, left] + dx * image[:, bottom, right]
    return (1 - dy) * upper + dy * lower


def by_loops(features, rois, size, scale, ratio, aligned):
    output = torch.zeros(len(rois), features.shape[1], *size, dtype=features.dtype)
    for r, (image, *corners) in enumerate(rois.tolist()):
        x1, y1, x2, y2 = (corner * scale - (0.5 if aligned else 0) for corner in corners)
        width, height = (x2 - x1, y2 - y1) if aligned else (max(x2 - x1, 1), max(y2 - y1, 1))
        bin_h, bin_w = height / size[0], width / size[1]
        n_h, n_w = (ratio, ratio) if ratio > 0 else (math.ceil(bin_h), math.ceil(bin_w))
        for p in range(size[0]):
            for q in range(size[1]):
                for i in range(n_h):
                    for j in range(n_w):
                        y, x = y1 + (p + (i + 0.5) / n_h) * bin_h, x1 + (q + (j + 0.5) / n_w) * bin_w
                        output[r, :, p, q] += bilinear(features[int(image)], y, x) / (n_h * n_w)
    return output


# Inside, across each border, far outside, smaller than a pixel, of size 0, the whole image.
ROIS = [
    [0, 3, 2, 15, 11],
    [1, -6, -4, 9, 20],
    [1, 12, 9, 40, 30],
    [0, -50, -50, -30, -20],
    [1, 5, 5, 5.5, 5.25],
    [0, 4, 4, 4, 4],
    [1, 0, 0, 26, 22],
]


@pytest.mark.parametrize('aligned', [True, False])
@pytest.mark.parametrize('ratio', [0, 1, 2])
@pytest.mark.parametrize('scale', [0.5, 1.0])
def test_it_is_the_loop_over_bins_and_samples(aligned, ratio, scale):
    torch.manual_seed(0)
    features = torch.randn(2, 3, 11, 13, dtype=torch.float64)
    rois = torch.tensor(ROIS, dtype=torch.float64)
    expected = by_loops(features, rois, (3, 2), scale, ratio, aligned)
    assert expected.abs().sum((1, 2, 3)).count_nonzero() >= 5
    torch.testing.assert_close(roi_align(features, rois, (3, 2), scale, ratio, aligned), expected)


def test_a_ramp_is_pooled_exactly():
    """A bilinear sample of a linear function is its value, and the mean over a bin is the value at its center."""
    y, x = torch.meshgrid(torch.arange(20.0), torch.arange(30.0), indexing='ij')
    features = (2 * x - 3 * y + 1)[None, None].double()  # pixel i has its center at i + 0.5
    rois = torch.tensor([[0.0, 4.3, 3.1, 21.7, 16.4]], dtype=torch.float64)
    for ratio in (0, 1, 3):
        pooled = roi_align(features, rois, (4, 5), 1.0, ratio)[0, 0]
        centers_x = 4.3 + (torch.arange(5).double() + 0.5) * (21.7 - 4.3) / 5
        centers_y = 3.1 + (torch.arange(4).double() + 0.5) * (16.4 - 3.1) / 4
        expected = 2 * (centers_x[None] - 0.5) - 3 * (centers_y[:, None] - 0.5) + 1
        torch.testing.assert_close(pooled, expected)


@pytest.mark.parametrize('aligned', [True, False])
def test_the_gradient_is_exact(aligned):
    torch.manual_seed(0)
    rois = torch.tensor(ROIS, dtype=torch.float64)
    features = torch.randn(2, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: roi_align(x, rois, (2, 3), 0.4, 0, aligned), (features,))
    output = roi_align(features, rois, (2, 3), 0.4, 0, aligned)
    gradient = torch.randn_like(output)
    (expected,) = torch.autograd.grad(output, features, gradient)
    torch.testing.assert_close(roi_align_gradient(gradient, rois, features.shape, 0.4, 0, aligned), expected)


def test_parts_of_the_boxes_give_the_same(monkeypatch):
    torch.manual_seed(0)
    features, rois = torch.randn(2, 3, 11, 13), torch.tensor(ROIS)
    whole = roi_align(features, rois, (3, 2))
    gradient = roi_align_gradient(whole, rois, features.shape)
    monkeypatch.setattr(sys.modules['mmwsl.functional.roi_align'], 'MAX_ELEMENTS', 1)
    torch.testing.assert_close(roi_align(features, rois, (3, 2)), whole)
    torch.testing.assert_close(roi_align_gradient(whole, rois, features.shape), gradient)


def test_no_boxes_give_an_empty_result_with_a_gradient():
    features = torch.randn(1, 2, 4, 4, requires_grad=True)
    assert roi_align(features, torch.zeros(0, 5), (3, 3)).shape == (0, 2, 3, 3)


@pytest.mark.parametrize(
    'rois, text',
    [
        (torch.zeros(1, 4), r'\(R, 5\), got \(1, 2, 4, 4\) and \(1, 4\)'),
        (torch.tensor([[1.0, 0, 0, 2, 2]]), 'one of 1 images, got 1 to 1'),
        (torch.tensor([[0.0, 3, 0, 2, 2]]), 'size of at least 0, got -1'),
    ],
)
def test_wrong_boxes_are_named(rois, text):
    with pytest.raises(ValueError, match=text):
        roi_align(torch.zeros(1, 2, 4, 4), rois, (2, 2))


def test_it_is_that_of_torchvision():
    try:
        from torchvision.ops import roi_align as other
    except Exception as error:  # a wheel for another torch raises RuntimeError
        pytest.skip(f'torchvision cannot be imported: {error}')
    torch.manual_seed(0)
    features, rois = torch.randn(2, 3, 11, 13), torch.tensor(ROIS)
    for ratio, aligned in ((0, True), (2, True), (0, False)):
        expected = other(features, rois, (3, 2), 0.5, ratio or -1, aligned)
        torch.testing.assert_close(roi_align(features, rois, (3, 2), 0.5, ratio, aligned), expected)
