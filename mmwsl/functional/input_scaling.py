"""Input scaling that pretrained weights expect, from their first batch normalization."""

import torch
from torch import Tensor

# Natural images: standard deviation of a color in 0 to 255, correlation of two colors and of neighboring pixels.
COLOR_STD, COLOR_CORRELATION, PIXEL_CORRELATION = 70.0, 0.9, 0.96


def estimate_input_std(weight: Tensor, variance: Tensor) -> float:
    r"""Estimate by which s the colors 0 to 255 were divided in the training of a network.

    A convolution is linear: the variance of its channel c over the training images is :math:`w_c^T \Sigma w_c / s^2`
    with the covariance :math:`\Sigma` of image patches. The running variance :math:`v_c` of the batch normalization is
    this variance, so that

    .. math:: s = \mathrm{median}_c \sqrt{w_c^T \Sigma w_c / v_c}.

    Patches are those of natural images with a correlation of :math:`0.9 \cdot 0.96^d` between two colors at distance d,
    and :math:`0.96^d` within one color. The published weights of MobileNetV2, EfficientNet-Lite0 and Lite2, trained
    with 127.5 or 128, give 133, 125 and 121. The usual values of s, 58, 128 and 255, differ by a factor of 2.

    Args:
        weight: Weights of a convolution without bias on RGB images, ``(C, 3, h, w)``.
        variance: Running variance of the batch normalization after it, ``(C,)``.

    Raises:
        ValueError: If ``weight`` is not ``(C, 3, h, w)``.
    """
    if weight.dim() != 4 or weight.shape[1] != 3:
        raise ValueError(f'`weight` must be (C, 3, h, w), got {tuple(weight.shape)}.')
    rows, columns = torch.meshgrid(*(torch.arange(float(side)) for side in weight.shape[2:]), indexing='ij')
    pixels = torch.stack([rows.flatten(), columns.flatten()], dim=1)
    colors = COLOR_CORRELATION + (1 - COLOR_CORRELATION) * torch.eye(3)
    covariance = COLOR_STD**2 * torch.kron(colors, PIXEL_CORRELATION ** torch.cdist(pixels, pixels))
    filters, variance = weight.float().flatten(1), variance.float()
    predicted = ((filters @ covariance) * filters).sum(1)
    live = variance > 1e-3 * variance.median()  # some channels of trained networks are zero
    return float((predicted[live] / variance[live]).sqrt().median())
