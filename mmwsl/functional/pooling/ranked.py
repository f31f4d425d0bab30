"""Aggregations of the highest- and lowest-scoring locations."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..inputs import numbers_on
from .locations import flatten_locations


def top_k_pool(scores: Tensor, k: int | float, valid: Tensor | None = None) -> Tensor:
    r"""Average the k highest scores of each class, :math:`s^k = \frac{1}{k} \sum_{l=1}^k s_{(l)}^k`.

    ``k=1`` is :func:`global_max_pool`; ``k=1.0``, all locations, is :func:`global_average_pool`. Only the k selected
    locations get a gradient, :math:`1 / k` each.

    Args:
        scores: Class scores, ``(N, K, H, W)``.
        k: Number of locations. An integer is a count, at least 1. A float is a fraction of the locations of the image,
            in (0, 1], rounded to at least one. An image with fewer locations than the count uses all.
        valid: Boolean map of the locations to use, ``(N, H, W)``, at least one per image. All locations if None.

    Returns:
        Image scores, ``(N, K)``.

    Raises:
        ValueError: If ``k`` is out of range or shapes do not agree.
    """
    total, counts = _sum_of_extremes(*flatten_locations(scores, valid), k, 'k', largest=True)
    return total / counts


def weldon_pool(
    scores: Tensor, kmax: int | float, kmin: int | float, valid: Tensor | None = None, reduction: str = 'sum'
) -> Tensor:
    r"""Sum the highest and lowest scores of each class, WELDON (Durand et al., CVPR 2016).

    .. math:: s^k = \sum_{l=1}^{kmax} s_{(l)}^k + \sum_{l=1}^{kmin} s_{(n - l + 1)}^k

    The lowest scores indicate that the class is absent. The paper sums; WILDCAT's description of WELDON, and public
    code, average each of the two terms.

    Args:
        scores: Class scores, ``(N, K, H, W)``.
        kmax: Number of highest-scoring locations, a count or a fraction as in :func:`top_k_pool`. The paper uses 3.
        kmin: Number of lowest-scoring locations, a count or a fraction, or 0 for none. The paper uses 3. If
            ``kmax + kmin`` exceeds the number of locations, some are in both terms.
        valid: Boolean map of the locations to use, ``(N, H, W)``, at least one per image. All locations if None.
        reduction: ``'sum'`` or ``'mean'`` of each term.

    Returns:
        Image scores, ``(N, K)``.

    Raises:
        ValueError: If ``kmax``, ``kmin`` or ``reduction`` is out of range, or shapes do not agree.
    """
    if reduction not in ('sum', 'mean'):
        raise ValueError(f"`reduction` must be 'sum' or 'mean', got {reduction!r}.")
    scores, valid = flatten_locations(scores, valid)
    highest, counts = _sum_of_extremes(scores, valid, kmax, 'kmax', largest=True)
    pooled = highest if reduction == 'sum' else highest / counts
    if kmin != 0:
        lowest, counts = _sum_of_extremes(scores, valid, kmin, 'kmin', largest=False)
        pooled = pooled + (lowest if reduction == 'sum' else lowest / counts)
    return pooled


def wildcat_pool(
    scores: Tensor, kmax: int | float, kmin: int | float, alpha: float, valid: Tensor | None = None
) -> Tensor:
    r"""Combine the highest and the weighted lowest scores of each class, WILDCAT (Durand et al., CVPR 2017).

    .. math:: s^k = \frac{1}{kmax} \sum_{l=1}^{kmax} s_{(l)}^k + \frac{\alpha}{kmin} \sum_{l=1}^{kmin} s_{(n - l + 1)}^k

    This is the spatial pooling; the public code returns half of it. ``alpha=0`` is :func:`top_k_pool`. Pool several
    maps per class by :func:`class_wise_pool` before.

    Args:
        scores: Class scores, ``(N, K, H, W)``.
        kmax: Number of highest-scoring locations, a count or a fraction as in :func:`top_k_pool`. The paper uses 20 of
            14 x 14.
        kmin: Number of lowest-scoring locations, a count or a fraction, or 0 for none.
        alpha: Weight of the lowest-scoring locations, finite and non-negative. The paper uses 0.7.
        valid: Boolean map of the locations to use, ``(N, H, W)``, at least one per image. All locations if None.

    Returns:
        Image scores, ``(N, K)``.

    Raises:
        ValueError: If ``kmax``, ``kmin`` or ``alpha`` is out of range, or shapes do not agree.
    """
    if not 0 <= alpha < math.inf:
        raise ValueError(f'`alpha` must be a non-negative finite number, got {alpha}.')
    scores, valid = flatten_locations(scores, valid)
    highest, num_highest = _sum_of_extremes(scores, valid, kmax, 'kmax', largest=True)
    if alpha == 0 or kmin == 0:
        return highest / num_highest
    lowest, num_lowest = _sum_of_extremes(scores, valid, kmin, 'kmin', largest=False)
    return highest / num_highest + alpha * lowest / num_lowest


def class_wise_pool(maps: Tensor, maps_per_class: int) -> Tensor:
    r"""Average the M maps of each class, :math:`s_{ij}^k = \frac{1}{M} \sum_m z_{ij}^{k,m}` (WILDCAT).

    The mean of linear maps is one linear map. After a plain convolution, M changes the training of the scores (initial
    scale, step size, weight decay), but not the set of possible scores.

    Args:
        maps: Score maps, M of class 0, then M of class 1 and so on, ``(N, K * M, H, W)``.
        maps_per_class: Number of maps M, at least 1.

    Returns:
        Class scores, ``(N, K, H, W)``.

    Raises:
        ValueError: If ``maps_per_class`` is less than 1 or does not divide the number of maps.
    """
    if maps_per_class < 1 or maps.dim() != 4 or maps.shape[1] % maps_per_class:
        raise ValueError(
            f'`maps` must be (N, K * M, H, W) with `maps_per_class` M >= 1, got {tuple(maps.shape)} and '
            f'{maps_per_class}.'
        )
    return maps if maps_per_class == 1 else maps.unflatten(1, (-1, maps_per_class)).mean(2)


def global_weighted_rank_pool(scores: Tensor, d: float | Sequence[float], valid: Tensor | None = None) -> Tensor:
    r"""Average the sorted scores with decaying weights, GWRP (SEC, Kolesnikov & Lampert, ECCV 2016).

    .. math:: s^k = \frac{\sum_{l=1}^n d^{\,l-1} s_{(l)}^k}{\sum_{l=1}^n d^{\,l-1}}

    ``d=0`` is :func:`global_max_pool`, ``d=1`` is :func:`global_average_pool`. About :math:`1 / (1 - d)` locations have
    most of the weight; the paper's 0.996 for classes and 0.999 for background are for its map of 41 x 41 locations.

    Args:
        scores: Class scores, ``(N, K, H, W)``.
        d: Decay of the weight with the rank, in [0, 1]; a number, or one for each class.
        valid: Boolean map of the locations to use, ``(N, H, W)``, at least one per image. All locations if None.

    Returns:
        Image scores, ``(N, K)``.

    Raises:
        ValueError: If ``d`` is not in [0, 1] or does not have K values, or shapes do not agree.
    """
    scores, valid = flatten_locations(scores, valid)
    decays = list(d) if isinstance(d, Sequence) else [d]
    if not decays or not all(0 <= value <= 1 for value in decays):
        raise ValueError(f'`d` must be in [0, 1], got {d}.')
    if isinstance(d, Sequence) and len(decays) != scores.shape[1]:
        raise ValueError(f'`d` must be one number or one for each of the {scores.shape[1]} classes, got {len(decays)}.')
    # Scores beyond this rank do not change the sum in this precision and need not be sorted.
    eps = torch.finfo(scores.dtype).eps
    ranks = scores.shape[2]
    if max(decays) < 1:
        ranks = min(ranks, 1 if max(decays) == 0 else math.ceil(math.log(eps) / math.log(max(decays))))
    rank = torch.arange(ranks, device=scores.device)
    weights = numbers_on(scores.device, decays, scores.dtype)[:, None] ** rank  # (1 or K, ranks)
    weights = weights.masked_fill(weights < eps, 0.0) * (rank < valid.sum(2, keepdim=True))  # (N, 1 or K, ranks)
    highest = scores.masked_fill(~valid, -torch.inf).topk(ranks, 2).values.masked_fill(weights == 0, 0.0)
    return (weights * highest).sum(2) / weights.sum(2)


def _sum_of_extremes(
    scores: Tensor, valid: Tensor, count: int | float, name: str, largest: bool
) -> tuple[Tensor, Tensor]:
    """Sum the highest or lowest valid scores of ``(N, K, H*W)``; ``count`` is ``k`` of :func:`top_k_pool`.

    Returns:
        The sums ``(N, K)`` and the number of scores of each image ``(N, 1)``.
    """
    counts, most = _counts(count, name, valid)
    values = scores.masked_fill(~valid, -torch.inf if largest else torch.inf).topk(most, 2, largest=largest).values
    chosen = torch.arange(most, device=scores.device) < counts[:, :, None]  # (N, 1, most)
    return values.masked_fill(~chosen, 0.0).sum(2), counts


def _counts(count: int | float, name: str, valid: Tensor) -> tuple[Tensor, int]:
    """Return the number of locations ``(N, 1)`` of each image for a count or fraction, and the maximum number."""
    available = valid.sum(2)
    if isinstance(count, float) and 0 < count <= 1:
        most = max(round(count * valid.shape[2]), 1)
        return (count * available.float()).round().long().clamp(1, most), most
    if isinstance(count, float) or count < 1:
        raise ValueError(
            f'`{name}` must be a count, an integer of at least 1, or a fraction, a float in (0, 1], got {count!r}.'
        )
    most = min(count, valid.shape[2])
    return available.clamp(max=most), most
