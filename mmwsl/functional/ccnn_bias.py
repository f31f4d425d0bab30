"""Latent distribution of CCNN: nearest to the network's within bounds on class areas (Pathak et al., ICCV 2015)."""

import torch
from torch import Tensor

from .adaptive_bias import check_present
from .inputs import valid_or_all


def ccnn_bias(
    scores: Tensor,
    present: Tensor,
    lower: Tensor,
    upper: Tensor,
    slack: Tensor,
    valid: Tensor | None = None,
    *,
    tolerance: float = 1e-4,
    max_iterations: int = 1000,
) -> Tensor:
    r"""Find the biases of the latent distribution of CCNN (Sec. 3).

    Of all distributions over the present classes, the latent :math:`P` is the nearest to the network's :math:`Q`,

    .. math:: \min_{P, \xi \ge 0} \ \frac{1}{|V|} \sum_{ij \in V} \mathrm{KL}(P_{ij} \| Q_{ij})
              + \sum_l \beta_l (\xi^-_l + \xi^+_l) \quad \text{s.t.} \quad
              \alpha_l - \xi^-_l \le \frac{1}{|V|} \sum_{ij \in V} P_{ij}(l) \le \gamma_l + \xi^+_l

    By duality :math:`P_{ij} = \mathrm{softmax}(f_{ij} + \lambda)`, with one bias :math:`|\lambda_l| \le \beta_l` for
    each class, the maximizer of the concave

    .. math:: \sum_l \big( \alpha_l \max(\lambda_l, 0) + \gamma_l \min(\lambda_l, 0) \big)
              - \frac{1}{|V|} \sum_{ij \in V} \log \sum_l e^{f_{ij}(l) + \lambda_l}

    A bias is positive only if the lower bound is active and negative only if the upper bound is. The slack
    :math:`\beta_l` limits the size of a bias, in logits; ``inf`` makes the bounds hard. The dual ascent is
    proximal gradient with Nesterov's momentum, restarted for an image whose momentum points downhill
    (O'Donoghue & Candes, 2015). It takes 10 to 60 iterations on random maps.

    Args:
        scores: Class scores :math:`f`, ``(N, K, H, W)``.
        present: Present classes, boolean, ``(N, K)``. The others have probability 0.
        lower: Minimum area :math:`\alpha` of each class as a fraction of the image, ``(N, K)``.
        upper: Maximum area :math:`\gamma`, ``(N, K)``.
        slack: Slack :math:`\beta`, non-negative, ``(N, K)``.
        valid: Boolean map of the locations to use, ``(N, H, W)``, at least one per image. All locations if None.
        tolerance: Fraction of the image by which an area may miss a bound whose slack is not used up.
        max_iterations: Maximum number of iterations.

    Returns:
        Biases ``(N, K)``, ``-inf`` for absent classes. The bias of the only present class of an image is 0.

    Raises:
        ValueError: If shapes do not agree, bounds are not ``0 <= lower <= upper <= 1``, a slack is negative, or hard
            bounds exclude each other.
    """
    check_present(scores, present)
    for name, value in dict(lower=lower, upper=upper, slack=slack).items():
        if value.shape != present.shape:
            raise ValueError(f'`{name}` must be (N, K) = {tuple(present.shape)}, got shape {tuple(value.shape)}.')
    valid = valid_or_all(scores, valid).flatten(1)[:, None]  # (N, 1, H*W)
    biases = scores.new_zeros(present.shape, dtype=torch.promote_types(scores.dtype, torch.float32))
    movable = present & (present.sum(1, keepdim=True) > 1)
    if movable.any():
        lower, upper, slack = (value.to(biases) for value in (lower, upper, slack))
        _check_bounds(movable, lower, upper, slack)
        # Only the present classes are computed: an image has few of many.
        labels = movable.int().argsort(dim=1, descending=True, stable=True)[:, : int(movable.sum(1).amax())]
        chosen = movable.gather(1, labels)
        logits = scores.detach().to(biases).flatten(2).gather(1, labels[:, :, None].expand(-1, -1, valid.shape[2]))
        logits = logits.masked_fill(~chosen[:, :, None], torch.finfo(biases.dtype).min)
        lower, upper, slack = (value.gather(1, labels) for value in (lower, upper, slack))
        # The slack of the others is 0: a moving bias would keep the momentum from its restart.
        slack = slack.masked_fill(~chosen, 0.0)
        found = _ascend(logits, valid, lower, upper, slack, tolerance, max_iterations)
        biases.scatter_(1, labels, found)
    return biases.masked_fill(~present, -torch.inf)


def _ascend(
    logits: Tensor, valid: Tensor, lower: Tensor, upper: Tensor, slack: Tensor, tolerance: float, max_iterations: int
) -> Tensor:
    """Maximize the dual over biases ``(N, C)`` of ``logits (N, C, H*W)``."""
    step = 2.0  # the gradient, minus the mean of a softmax, has a Lipschitz constant of 1/2
    counts = valid.sum(2)
    biases = ahead = torch.zeros_like(logits[:, :, 0])
    momentum = torch.ones_like(biases[:, :1])
    for _ in range(max_iterations):
        areas = (logits + ahead[:, :, None]).softmax(1).masked_fill(~valid, 0.0).sum(2) / counts
        moved = ahead - step * areas
        # The proximal map of the bounds: the lower bound raises a bias, the upper bound lowers it.
        moved = (moved + step * lower).clamp(min=0) + (moved + step * upper).clamp(max=0)
        moved = moved.clamp(-slack, slack)
        if (moved - ahead).abs().amax() <= step * tolerance:
            return moved
        uphill = ((moved - ahead) * (moved - biases)).sum(1, keepdim=True) >= 0
        momentum = momentum.where(uphill, 1.0)
        following = (1 + (1 + 4 * momentum**2).sqrt()) / 2
        ahead = moved + (momentum - 1) / following * (moved - biases)
        biases, momentum = moved, following
    return biases


def _check_bounds(present: Tensor, lower: Tensor, upper: Tensor, slack: Tensor) -> None:
    wrong = present & ~((lower >= 0) & (lower <= upper) & (upper <= 1) & (slack >= 0))
    if wrong.any():
        n, k = wrong.nonzero()[0].tolist()
        raise ValueError(
            'bounds must be 0 <= `lower` <= `upper` <= 1 with `slack` >= 0, got '
            f'{lower[n, k].item():g}, {upper[n, k].item():g} and {slack[n, k].item():g} for class {k}.'
        )
    hard = present & slack.isinf()
    least = lower.masked_fill(~hard, 0.0).sum(1)
    most = upper.where(hard, 1.0).masked_fill(~present, 0.0).sum(1)
    if (least > 1 + 1e-6).any() or (most < 1 - 1e-6).masked_fill(~present.any(1), False).any():
        raise ValueError(
            f'hard bounds must allow areas that sum to 1, got `lower` that sums to {least.amax().item():g} or `upper` '
            'that sums to less than 1. Set a finite `slack`.'
        )
