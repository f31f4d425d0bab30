"""Bilinear interpolation as a transposed convolution."""

import torch
from torch import Tensor


def bilinear_kernel(factor: int) -> Tensor:
    r"""Return the kernel of a transposed convolution of stride ``factor`` that interpolates bilinearly.

    With :math:`f` the factor and taps :math:`t = 0 \ldots 2f - 1`, the kernel is the outer product of the tent

    .. math:: k_t = 1 - \frac{|t - (f - 1/2)|}{f}

    with itself. For even factors it interpolates between the centers of locations (``align_corners=False``; Long et
    al., CVPR 2015, Sec. 3.3).

    Args:
        factor: Upsampling factor, even: the kernel of an odd factor is not centered.

    Returns:
        Taps, ``(2 factor, 2 factor)`` float32, that sum to ``factor ** 2``.

    Raises:
        ValueError: If ``factor`` is not a positive even number.
    """
    if factor < 2 or factor % 2:
        raise ValueError(f'`factor` must be a positive even number, got {factor}.')
    taps = torch.arange(2 * factor, dtype=torch.float32)
    tent = 1 - (taps - (factor - 0.5)).abs() / factor
    return tent[:, None] * tent
