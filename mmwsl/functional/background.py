"""Background models: background scores for classes without an image-level label of the background.

Functions take ``foreground (..., K - 1, H, W)``, scores in [0, 1] of independent classes, and return scores
``(..., K, H, W)`` whose channel 0 is the background.
"""

import torch
from torch import Tensor


def constant_background(foreground: Tensor, threshold: float) -> Tensor:
    r"""Prepend a constant background score, :math:`p_0 = \tau`.

    The argmax is background where no class exceeds the threshold :math:`\tau` = ``threshold``, in [0, 1].
    """
    _check(foreground)
    return torch.cat([torch.full_like(foreground[..., :1, :, :], threshold), foreground], dim=-3)


def power_background(foreground: Tensor, alpha: float) -> Tensor:
    r"""Prepend a background score :math:`p_0 = (1 - \max_k p_k)^\alpha` (Ahn & Kwak, CVPR 2018).

    It is high where no class is confident. A larger ``alpha > 0`` gives less background.
    """
    _check(foreground)
    return torch.cat([(1 - foreground.amax(-3, keepdim=True)) ** alpha, foreground], dim=-3)


def logit_softmax(scores: Tensor, temperature: float = 1.0) -> Tensor:
    r"""Convert scores of independent classes into one distribution, the softmax of their logits.

    .. math:: p_k \propto \Big( \frac{s_k}{1 - s_k} \Big)^{1/T}

    The argmax stays the same. Saturated scores, such as 0.99 against a threshold of 0.9, differ by their odds, 99
    against 9, and hardly by their ratio.

    Args:
        scores: Scores in [0, 1], ``(K, H, W)``.
        temperature: :math:`T > 0`; above 1 the distribution is less confident.

    Returns:
        Probabilities that sum to one, ``(K, H, W)``.

    Raises:
        ValueError: If the temperature is not positive, or scores are not in [0, 1].
    """
    if not 0 < temperature < float('inf'):
        raise ValueError(f'`temperature` must be a positive finite number, got {temperature}.')
    if not (scores.amin() >= 0 and scores.amax() <= 1):  # false for NaN too
        raise ValueError(f'`scores` must be in [0, 1], got {scores.amin().item()} to {scores.amax().item()}.')
    return (scores.logit(eps=1e-6) / temperature).softmax(0)


def _check(foreground: Tensor) -> None:
    if foreground.dim() < 3 or foreground.shape[-3] < 1:
        raise ValueError(
            f'`foreground` must be (..., K - 1, H, W) with at least one class, got {tuple(foreground.shape)}.'
        )
