"""Bilinear interpolation as a transposed convolution."""

import torch
from torch import Tensor


def bilinear_kernel(factor: int, taps: int | None = None) -> Tensor:
    r"""Return the kernel of a transposed convolution of stride ``factor`` that interpolates bilinearly.

    With :math:`f` the factor, :math:`n` taps and :math:`t = 0 \ldots n - 1`, the kernel is the outer product of the
    tent

    .. math:: k_t = 1 - \frac{|t - (n - 1) / 2|}{f}

    with itself. With :math:`n = 2f` taps and an even factor it interpolates between the centers of locations that lie
    between pixels (``align_corners=False``; Long et al., CVPR 2015, Sec. 3.3); with :math:`n = 2f - 1` taps, locations
    are centered at pixels.

    Args:
        factor: Upsampling factor.
        taps: Side of the kernel, ``2 * factor`` by default, or ``2 * factor - 1``.

    Returns:
        Taps, ``(taps, taps)`` float32, that sum to ``factor ** 2``.

    Raises:
        ValueError: If ``factor`` is not positive, or odd with ``2 * factor`` taps, whose kernel would not be centered;
            or ``taps`` is another number.
    """
    taps = 2 * factor if taps is None else taps
    if factor < 1 or (taps == 2 * factor and factor % 2):
        raise ValueError(f'`factor` must be a positive even number, got {factor}.')
    if taps not in (2 * factor, 2 * factor - 1):
        raise ValueError(f'`taps` must be {2 * factor} or {2 * factor - 1} for a factor of {factor}, got {taps}.')
    tent = 1 - (torch.arange(taps, dtype=torch.float32) - (taps - 1) / 2).abs() / factor
    return tent[:, None] * tent
