"""Pixels whose label is probably wrong, by a mixture of Gaussians of their losses."""

import numpy as np
import torch
from torch import Tensor

from .loss_balance import check_shapes
from .unsupervised_thresholds import fit_gaussian_mixture

BINS = 1024
MIN_VARIANCE = 5e-4
MAX_ITERS = 100


def noisy_pixels(
    losses: Tensor,
    labels: Tensor,
    used: Tensor,
    min_loss: float = 0.1,
    min_pixels: int = 1000,
    min_gap: float = 1.0,
    min_prob: float = 0.95,
) -> Tensor:
    r"""Find the foreground pixels in the high mode of the losses of their image (DuPL, Wu et al., CVPR 2024).

    Two Gaussians are fitted to the losses above ``min_loss`` of the foreground pixels of an image. If their means
    differ by more than ``min_gap``, a foreground pixel is noisy whose loss :math:`\ell` has
    :math:`p(\text{high} \mid \ell) >` ``min_prob``. The constants are DuPL's.

    Unlike the code of DuPL, the mixture is fitted to a histogram of 1024 bins until it converges. A loss up to the
    mean of the lower Gaussian is never noisy: it could be, where the higher one is much wider.

    Args:
        losses: Losses, ``(N, H, W)``, without gradient.
        labels: Classes, ``(N, H, W)``; 0 is the background.
        used: Whether a pixel is used, boolean ``(N, H, W)``. Ignored pixels are not.
        min_loss: Losses up to it take no part, non-negative.
        min_pixels: Minimum number of losses of an image; with fewer, none of its pixels is noisy.
        min_gap: Minimum distance of the two means, non-negative.
        min_prob: Minimum probability of the higher Gaussian, in [0, 1].

    Returns:
        Whether a pixel is noisy, boolean ``(N, H, W)``.

    Raises:
        ValueError: If the shapes differ, or an argument is out of range.
    """
    if min_loss < 0 or min_gap < 0 or min_pixels < 1 or not 0 <= min_prob <= 1:
        raise ValueError(
            '`min_loss` and `min_gap` must be non-negative, `min_pixels` at least 1 and `min_prob` in [0, 1], got '
            f'{min_loss}, {min_gap}, {min_pixels} and {min_prob}.'
        )
    check_shapes(losses, used, labels)
    candidates = used & (labels != 0) & (losses > min_loss)
    noisy = torch.zeros_like(used)
    for index, chosen in enumerate(candidates):
        values = losses[index][chosen].detach().double().cpu().numpy()
        if len(values) >= min_pixels and np.isfinite(values).all():
            noisy[index][chosen] = torch.from_numpy(_high_mode(values, min_gap, min_prob)).to(used.device)
    return noisy


def _high_mode(values: np.ndarray, min_gap: float, min_prob: float) -> np.ndarray:
    """Tell which losses ``(n,)`` belong to the higher one of two Gaussians."""
    counts, edges = np.histogram(values, BINS)
    mixture = fit_gaussian_mixture((edges[:-1] + edges[1:]) / 2, counts, 2, MIN_VARIANCE, MAX_ITERS)
    low, high = mixture.means
    if high - low <= min_gap:
        return np.zeros(values.shape, bool)
    return (mixture.responsibilities(values)[1] > min_prob) & (values > low)
