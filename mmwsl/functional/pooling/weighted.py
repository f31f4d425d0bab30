"""Averages of the scores weighted by a softmax over the locations."""

import math

import torch
from torch import Tensor

from .locations import flatten_locations, per_class


def softmax_pool(scores: Tensor, sharpness: float | Tensor, valid: Tensor | None = None) -> Tensor:
    r"""Average the scores, weighted by their own softmax.

    .. math:: s^k = \sum_{ij \in V} w_{ij}^k s_{ij}^k, \quad
              w_{ij}^k = \frac{\exp(\pi s_{ij}^k)}{\sum_{i'j' \in V} \exp(\pi s_{i'j'}^k)}

    This is the parametric soft-max pooling of SPLeaP (Kulkarni et al., ECCV 2016). The paper pools the responses of
    boosted part classifiers, this function class scores. AutoPool (McFee et al., 2018) has the same form for
    probabilities. :math:`\pi = 0` is :func:`global_average_pool`, :math:`\pi \to \infty` is :func:`global_max_pool`,
    and a negative :math:`\pi` gives the lower scores the larger weights.

    The gradient is :math:`w_{ij} (1 + \pi (s_{ij} - s))`. Unlike the gradient of Log-Sum-Exp, it is negative for scores
    more than :math:`1 / \pi` below the result: a higher score there takes weight from the highest scores.

    Args:
        scores: Class scores, ``(N, K, H, W)``.
        sharpness: Sharpness :math:`\pi`, finite; a number, or a tensor ``(K,)`` with one value per class.
        valid: Boolean map of the locations to use, ``(N, H, W)``, at least one per image. All locations if None.

    Returns:
        Image scores, ``(N, K)``.

    Raises:
        ValueError: If ``sharpness`` is a number that is not finite, or shapes do not agree.
    """
    if not isinstance(sharpness, Tensor) and not math.isfinite(sharpness):
        raise ValueError(f'`sharpness` must be a finite number, got {sharpness}. Use global_max_pool for inf.')
    scores, valid = flatten_locations(scores, valid)
    below, peak = _below_peak(scores, valid)
    return peak + _softmax_mean(below, per_class(sharpness, 'sharpness', scores) * below, valid)


def attention_pool(scores: Tensor, attention: Tensor, valid: Tensor | None = None) -> Tensor:
    r"""Average the scores, weighted by the softmax of an attention map (Ilse et al., ICML 2018, Eq. 7 and 8).

    .. math:: s^k = \sum_{ij \in V} w_{ij}^k s_{ij}^k, \quad
              w_{ij}^k = \frac{\exp(a_{ij}^k)}{\sum_{i'j' \in V} \exp(a_{i'j'}^k)}

    A constant :math:`a` is :func:`global_average_pool`.

    Args:
        scores: Class scores, ``(N, K, H, W)``.
        attention: Attention logits :math:`a`, ``(N, K, H, W)``, or ``(N, 1, H, W)`` for all classes.
        valid: Boolean map of the locations to use, ``(N, H, W)``, at least one per image. All locations if None.

    Returns:
        Image scores, ``(N, K)``.

    Raises:
        ValueError: If shapes do not agree.
    """
    flat, locations = flatten_locations(scores, valid)
    if attention.shape not in (scores.shape, scores[:, :1].shape):
        raise ValueError(
            f'`attention` must have the shape {tuple(scores.shape)} of `scores`, or one channel, got '
            f'{tuple(attention.shape)}.'
        )
    below, peak = _below_peak(flat, locations)
    return peak + _softmax_mean(below, attention.flatten(2).to(flat.dtype), locations)


def _below_peak(scores: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Return the scores minus the highest valid one, 0 at padding, and that score, ``(N, K)``, without a gradient.

    The gradients of the weights are differences of scores, which float32 rounds off at a score of 1e4.
    """
    peak = scores.detach().masked_fill(~valid, -torch.inf).amax(2, keepdim=True)
    return (scores - peak).masked_fill(~valid, 0.0), peak.squeeze(2)


def _softmax_mean(scores: Tensor, exponents: Tensor, valid: Tensor) -> Tensor:
    """Average finite ``scores (N, K, H*W)``, weighted by the softmax of ``exponents`` over the valid locations."""
    exponents = exponents - exponents.detach().masked_fill(~valid, -torch.inf).amax(2, keepdim=True)
    # As in lse_pool, no weight is so small that gradients become denormal numbers.
    weakest = math.log(torch.finfo(scores.dtype).eps / scores.shape[2])
    weights = exponents.clamp(min=weakest).masked_fill(~valid, -torch.inf).softmax(2)
    return (weights * scores).sum(2)
