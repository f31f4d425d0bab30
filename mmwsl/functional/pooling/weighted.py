"""Weighted averages of the scores, with weights from a softmax over the cells."""

import math

import torch
from torch import Tensor

from .locations import flatten_locations, per_class


def softmax_pool(scores: Tensor, sharpness: float | Tensor, valid: Tensor | None = None) -> Tensor:
    r"""Average of the scores, weighted by their own softmax.

    .. math:: s^k = \sum_{ij \in V} w_{ij}^k s_{ij}^k, \quad
              w_{ij}^k = \frac{\exp(\pi s_{ij}^k)}{\sum_{i'j' \in V} \exp(\pi s_{i'j'}^k)}

    The parametric soft-max pooling of SPLeaP (Kulkarni et al., ECCV 2016), here of class scores: its boosted part
    classifiers, whose responses the paper pools, are not part of it. McFee et al. (2018, AutoPool) have the same form
    for probabilities. :math:`\pi = 0` is :func:`global_average_pool`, :math:`\pi \to \infty` is :func:`global_max_pool`, a negative
    :math:`\pi` leans to the minimum.

    The gradient is :math:`w_{ij} (1 + \pi (s_{ij} - s))`. Unlike that of Log-Sum-Exp it is negative for cells more
    than :math:`1 / \pi` below the result: raising their score takes weight from the better ones.

    Args:
        scores: Class scores, ``(N, K, H, W)``.
        sharpness: :math:`\pi`, finite; a number, or a tensor ``(K,)`` with one value per class.
        valid: Boolean map of the cells to use, ``(N, H, W)``, at least one an image. All cells if None.

    Returns:
        Image scores, ``(N, K)``.

    Raises:
        ValueError: If ``sharpness`` is a number that is not finite, or shapes do not agree.
    """
    if not isinstance(sharpness, Tensor) and not math.isfinite(sharpness):
        raise ValueError(f'`sharpness` must be a finite number, got {sharpness}: use global_max_pool for inf')
    scores, valid = flatten_locations(scores, valid)
    scores = scores.masked_fill(~valid, 0.0)
    return _softmax_mean(scores, per_class(sharpness, 'sharpness', scores) * scores, valid)


def attention_pool(scores: Tensor, attention: Tensor, valid: Tensor | None = None) -> Tensor:
    r"""Average of the scores, weighted by the softmax of another map (Ilse et al., ICML 2018, Eq. 7 and 8).

    .. math:: s^k = \sum_{ij \in V} w_{ij}^k s_{ij}^k, \quad
              w_{ij}^k = \frac{\exp(a_{ij}^k)}{\sum_{i'j' \in V} \exp(a_{i'j'}^k)}

    A constant :math:`a` is :func:`global_average_pool`.

    Args:
        scores: Class scores, ``(N, K, H, W)``.
        attention: :math:`a`, ``(N, K, H, W)``, or ``(N, 1, H, W)`` for all classes together.
        valid: Boolean map of the cells to use, ``(N, H, W)``, at least one an image. All cells if None.

    Returns:
        Image scores, ``(N, K)``.

    Raises:
        ValueError: If shapes do not agree.
    """
    flat, cells = flatten_locations(scores, valid)
    if attention.shape not in (scores.shape, scores[:, :1].shape):
        raise ValueError(
            f'`attention` must have the shape {tuple(scores.shape)} of `scores`, or one channel, got '
            f'{tuple(attention.shape)}'
        )
    return _softmax_mean(flat.masked_fill(~cells, 0.0), attention.flatten(2).to(flat.dtype), cells)


def _softmax_mean(scores: Tensor, exponents: Tensor, valid: Tensor) -> Tensor:
    """Average ``scores (N, K, H*W)``, finite, with the softmax of ``exponents`` over the valid cells as weights."""
    exponents = exponents - exponents.detach().masked_fill(~valid, -torch.inf).amax(2, keepdim=True)
    # As in lse_pool: no weight so small that gradients become denormal numbers.
    weakest = math.log(torch.finfo(scores.dtype).eps / scores.shape[2])
    weights = exponents.clamp(min=weakest).masked_fill(~valid, -torch.inf).softmax(2)
    return (weights * scores).sum(2)
