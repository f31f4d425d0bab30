"""Sum, mean, maximum and Log-Sum-Exp, a smooth maximum between the last two."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from .locations import flatten_locations, per_class


def global_average_pool(scores: Tensor, valid: Tensor | None = None) -> Tensor:
    r"""Average the scores, :math:`s^k = \frac{1}{|V|} \sum_{ij \in V} s_{ij}^k` (Zhou et al., CVPR 2016).

    :func:`global_sum_pool` is this mean times :math:`|V|`.

    Args:
        scores: Class scores, ``(N, K, H, W)``.
        valid: Boolean map of the locations to use, ``(N, H, W)``, at least one per image. All locations if None.

    Returns:
        Image scores, ``(N, K)``.
    """
    scores, valid = flatten_locations(scores, valid)
    return scores.masked_fill(~valid, 0.0).sum(2) / valid.sum(2)


def global_sum_pool(scores: Tensor, valid: Tensor | None = None) -> Tensor:
    r"""Sum the scores, :math:`s^k = \sum_{ij \in V} s_{ij}^k` (Pinheiro & Collobert, CVPR 2015, Eq. 4).

    The gradient of every location is 1. The result grows with the number of locations, so it saturates a sigmoid or
    softmax, and images of another size get other probabilities. Arguments and result are the same as in
    :func:`global_average_pool`.
    """
    scores, valid = flatten_locations(scores, valid)
    return scores.masked_fill(~valid, 0.0).sum(2)


def global_max_pool(scores: Tensor, valid: Tensor | None = None) -> Tensor:
    r"""Return the maximum of the scores, :math:`s^k = \max_{ij \in V} s_{ij}^k` (Pinheiro & Collobert, Eq. 5).

    The gradient reaches only the highest-scoring location, or equal locations in equal parts. Arguments and result are
    the same as in :func:`global_average_pool`.
    """
    scores, valid = flatten_locations(scores, valid)
    return scores.masked_fill(~valid, -torch.inf).amax(2)


def lse_pool(scores: Tensor, r: float | Tensor, valid: Tensor | None = None) -> Tensor:
    r"""Compute the Log-Sum-Exp of the scores, a smooth maximum (Pinheiro & Collobert, CVPR 2015, Eq. 6).

    .. math:: s^k = \frac{1}{r} \log \Big[ \frac{1}{|V|} \sum_{ij \in V} \exp(r \, s_{ij}^k) \Big]

    The gradient of :math:`s^k` is the softmax of :math:`r s_{ij}^k` over the locations. Locations of similar score get
    similar weights. ``r -> 0`` is :func:`global_average_pool`, ``r -> infinity`` is :func:`global_max_pool`.

    Args:
        scores: Class scores, ``(N, K, H, W)``.
        r: Sharpness, positive; a number, or a tensor ``(K,)`` with one value per class.
        valid: Boolean map of the locations to use, ``(N, H, W)``, at least one per image. All locations if None.

    Returns:
        Image scores, ``(N, K)``.

    Raises:
        ValueError: If ``r`` is a number that is not positive and finite, or shapes do not agree.
    """
    if not isinstance(r, Tensor) and not 0 < r < float('inf'):
        raise ValueError(
            f'`r` must be a positive finite number, got {r}. '
            'Use global_average_pool for r -> 0 and global_max_pool for inf.'
        )
    flat, locations = flatten_locations(scores, valid)
    inputs = flat, per_class(r, 'r', flat), None if valid is None else locations
    # ONNX has operators of torch only.
    result = _log_sum_exp(*inputs)[0] if torch.onnx.is_in_onnx_export() else _LogSumExp.apply(*inputs)
    return result.squeeze(2)


def _log_sum_exp(scores: Tensor, r: float | Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the Log-Sum-Exp ``(N, K, 1)``, the exponentials, their sum and the logarithm of their mean."""
    count: int | Tensor = scores.shape[2]
    if valid is not None:
        scores = scores.masked_fill(~valid, -torch.inf)
        count = valid.sum(2, keepdim=True)
    # The sum is stable without the peak, but r * 100 would round off the differences between scores.
    peak = scores.amax(2, keepdim=True)
    # Scores too low to change the sum in this precision get no gradient. It would be a denormal number, which makes
    # the preceding convolutions several times slower on a CPU.
    weakest = math.log(torch.finfo(scores.dtype).eps / scores.shape[2])
    exponents = (scores - peak).mul_(r)
    if torch.onnx.is_in_onnx_export():  # it lacks the threshold, which passes over the scores once instead of twice
        powers = exponents.masked_fill(exponents < weakest, -torch.inf).exp()
    else:
        powers = F.threshold(exponents, weakest, -torch.inf, inplace=True).exp_()
    total = powers.sum(2, keepdim=True)
    log_mean = (total / count).log()
    return peak + log_mean / r, powers, total, log_mean


class _LogSumExp(torch.autograd.Function):
    """Log-Sum-Exp over the last dimension, kept, of ``scores (N, K, L)`` with r ``(K, 1)`` or a number.

    Its derivatives are written out, so that forward and backward pass over the scores as rarely as those of
    torch.logsumexp. It stores the exponentials, which are all that the derivatives need; the scores, from which they
    could be computed again, would take as much memory.
    """

    @staticmethod
    def forward(ctx: Any, scores: Tensor, r: float | Tensor, valid: Tensor | None) -> Tensor:
        result, powers, total, log_mean = _log_sum_exp(scores, r, valid)
        ctx.save_for_backward(powers, total, log_mean, *([r] if isinstance(r, Tensor) else []))
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        powers, total, log_mean, *r = ctx.saved_tensors
        of_scores = powers * (grad / total) if ctx.needs_input_grad[0] else None
        if not ctx.needs_input_grad[1]:
            return of_scores, None, None
        # The logarithm of a power is its exponent; xlogy is 0 where both are 0.
        mean_exponent = torch.special.xlogy(powers, powers).sum(2, keepdim=True) / total
        return of_scores, (grad * (mean_exponent - log_mean) / r[0] ** 2).sum(0), None
