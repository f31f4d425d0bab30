"""Background models: from class scores to probabilities when no tag names the background.

Functions take ``scores (..., K, H, W)`` whose channel 0 is the background and return probabilities of the same shape.
"""

import torch
from torch import Tensor


def constant_background(scores: Tensor, score: float) -> Tensor:
    r"""Independent foreground probabilities against a constant, :math:`p_0 = \tau`, :math:`p_k = \sigma(s_k)`.

    The argmax is then background where no class exceeds the threshold :math:`\tau` = ``score``, in [0, 1].
    """
    foreground = _foreground(scores)
    return torch.cat([torch.full_like(foreground[..., :1, :, :], score), foreground], dim=-3)


def power_background(scores: Tensor, alpha: float) -> Tensor:
    r"""Background where no class is sure, :math:`p_0 = (1 - \max_k p_k)^\alpha` (Ahn & Kwak, CVPR 2018).

    A larger ``alpha > 0`` gives less background.
    """
    foreground = _foreground(scores)
    return torch.cat([(1 - foreground.amax(-3, keepdim=True))**alpha, foreground], dim=-3)


def _foreground(scores: Tensor) -> Tensor:
    if scores.dim() < 3 or scores.shape[-3] < 2:
        raise ValueError('`scores` must be (..., K, H, W) with a background and at least one class, '
                         f'got {tuple(scores.shape)}')
    return scores[..., 1:, :, :].sigmoid()
