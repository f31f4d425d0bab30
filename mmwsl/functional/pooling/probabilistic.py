r"""Aggregations of the probabilities :math:`p_{ij}^k = \sigma(s_{ij}^k)` of independent classes.

Inputs and results are logits. So they fit the losses and background models of other aggregations, and no probability is
rounded to 1 in between.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from .locations import flatten_locations, per_class
from .smooth import lse_pool


def noisy_or_pool(scores: Tensor, valid: Tensor | None = None) -> Tensor:
    r"""Compute the logit of the probability that at least one of independent locations shows the class.

    .. math:: p^k = 1 - \prod_{ij \in V} (1 - \sigma(s_{ij}^k)), \quad s^k = \log \frac{p^k}{1 - p^k}

    The noisy-or of multiple instance learning (Maron & Lozano-Perez, NIPS 1998; for maps of a network Fang et al.,
    CVPR 2015). The result grows with the number of locations. To start near probability 1/2, set the bias of the last
    convolution so that scores of :math:`n` locations start near :math:`-\log n`. The gradient of :math:`s^k` is
    :math:`\sigma(s_{ij}^k) / p^k`.

    Args:
        scores: Logits, ``(N, K, H, W)``.
        valid: Boolean map of the locations to use, ``(N, H, W)``, at least one per image. All locations if None.

    Returns:
        Image logits, ``(N, K)``.

    Raises:
        ValueError: If shapes do not agree.
    """
    scores, valid = flatten_locations(scores, valid)
    scores = scores.masked_fill(~valid, -torch.inf)
    surprise = F.softplus(scores).sum(2)  # -log(1 - p)
    # Where p is far below 1, the odds are the sum of the odds of the locations; 1 - p would be rounded to 1.
    rare = surprise < torch.finfo(scores.dtype).eps
    return torch.where(
        rare, _log_sum_exp(scores).squeeze(2), surprise + _log_one_minus_exp(-surprise.masked_fill(rare, 1.0))
    )


def gem_pool(scores: Tensor, p: float | Tensor, valid: Tensor | None = None) -> Tensor:
    r"""Compute the logit of the generalized mean of the probabilities (GeM; Radenovic et al., TPAMI 2019, Eq. 3).

    .. math:: m^k = \Big[ \frac{1}{|V|} \sum_{ij \in V} \sigma(s_{ij}^k)^p \Big]^{1/p}, \quad
              s^k = \log \frac{m^k}{1 - m^k}

    GeM is defined for positive activations, in the paper the features after the last ReLU. Logits can be negative, so
    the positive activation is the probability here. :math:`p = 1` is the mean probability, :math:`p \to \infty` the
    maximum, that is :func:`global_max_pool`, and :math:`p \to 0` the geometric mean.

    Args:
        scores: Logits, ``(N, K, H, W)``.
        p: Exponent, positive; a number, or a tensor ``(K,)`` with one value per class. The paper's initial value is 3.
        valid: Boolean map of the locations to use, ``(N, H, W)``, at least one per image. All locations if None.

    Returns:
        Image logits, ``(N, K)``.

    Raises:
        ValueError: If ``p`` is a number that is not positive and finite, or shapes do not agree.
    """
    if not isinstance(p, Tensor) and not 0 < p < math.inf:
        raise ValueError(f'`p` must be a positive finite number, got {p}. Use global_max_pool for inf.')
    flat, locations = flatten_locations(scores, valid)
    flat = flat.masked_fill(~locations, 0.0)
    exponent = per_class(p, 'p', flat)
    log_probs = F.logsigmoid(flat)
    rare = lse_pool(log_probs.unflatten(2, scores.shape[2:]), p, valid)[:, :, None]  # log m
    # Near 1 this sum rounds off the difference to 1, so the logarithm of 1 - m^p is summed.
    log_missing = _log_one_minus_power(flat, log_probs, exponent).masked_fill(~locations, -torch.inf)
    log_missing = _log_sum_exp(log_missing) - locations.sum(2, keepdim=True).to(flat).log()
    log_mean = torch.where(log_missing < -math.log(2), torch.log1p(-log_missing.clamp(max=-0.5).exp()) / exponent, rare)
    # For tiny t = 1 - m^p, 1 - m is t / p.
    tiny = log_missing < math.log(torch.finfo(flat.dtype).eps)
    log_exponent = exponent.log() if isinstance(exponent, Tensor) else math.log(exponent)
    log_rest = torch.where(tiny, log_missing - log_exponent, _log_one_minus_exp(log_mean.masked_fill(tiny, -1.0)))
    return (log_mean - log_rest).squeeze(2)


def _log_one_minus_power(scores: Tensor, log_probs: Tensor, p: float | Tensor) -> Tensor:
    r"""Return :math:`\log(1 - \sigma(s)^p)`, which is :math:`\log p - s` where the probability is rounded to 1."""
    log_p = p.log() if isinstance(p, Tensor) else math.log(p)
    certain = scores > log_p - math.log(torch.finfo(scores.dtype).eps)
    return torch.where(certain, log_p - scores, _log_one_minus_exp((p * log_probs).masked_fill(certain, -1.0)))


def _log_sum_exp(x: Tensor) -> Tensor:
    """Return the Log-Sum-Exp over the last dimension, kept; without the peak, gradients are exact at any height."""
    peak = x.detach().amax(2, keepdim=True)
    return (x - peak).logsumexp(2, keepdim=True) + peak


def _log_one_minus_exp(x: Tensor) -> Tensor:
    """Return ``log(1 - exp(x))`` for negative x."""
    return torch.log(-torch.expm1(x))
