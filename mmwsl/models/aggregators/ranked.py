"""Aggregators that rank the locations by their scores."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...functional import global_weighted_rank_pool, top_k_pool, weldon_pool, wildcat_pool
from ...registry import MODELS

_ONE_LOCATION = torch.zeros(1, 1, 1, 1)  # each constructor aggregates it, so that a bad argument raises an error there


@MODELS.register_module()
class TopKPooling(nn.Module):
    """Average of the k highest scores; see :func:`mmwsl.functional.top_k_pool`.

    Args:
        k: A count (integer) or a fraction of the image's locations (float in (0, 1]). A count depends on the size of
            the score map, so use a fraction for images of several sizes.

    Raises:
        ValueError: If ``k`` is out of range.
    """

    def __init__(self, k: int | float) -> None:
        super().__init__()
        self.k = k
        self(_ONE_LOCATION)

    def forward(self, scores: Tensor, valid: Tensor | None = None) -> Tensor:
        """Aggregate ``(N, K, H, W)`` to ``(N, K)`` over the ``valid (N, H, W)`` locations."""
        return top_k_pool(scores, self.k, valid)

    def extra_repr(self) -> str:
        """Show ``k``."""
        return f'k={self.k}'


@MODELS.register_module()
class WELDONPooling(nn.Module):
    """Sum of the highest and the lowest scores; see :func:`mmwsl.functional.weldon_pool`.

    Args:
        kmax: Highest-scoring locations, a count or a fraction as in :class:`TopKPooling`.
        kmin: Lowest-scoring locations, a count or a fraction as in :class:`TopKPooling`, or 0.
        reduction: ``'sum'`` as in the paper, or ``'mean'``.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(self, kmax: int | float = 3, kmin: int | float = 3, reduction: str = 'sum') -> None:
        super().__init__()
        self.kmax, self.kmin, self.reduction = kmax, kmin, reduction
        self(_ONE_LOCATION)

    def forward(self, scores: Tensor, valid: Tensor | None = None) -> Tensor:
        """Aggregate ``(N, K, H, W)`` to ``(N, K)`` over the ``valid (N, H, W)`` locations."""
        return weldon_pool(scores, self.kmax, self.kmin, valid, self.reduction)

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f'kmax={self.kmax}, kmin={self.kmin}, reduction={self.reduction!r}'


@MODELS.register_module()
class WILDCATPooling(nn.Module):
    """Highest scores and weighted lowest scores; see :func:`mmwsl.functional.wildcat_pool`.

    The paper's several maps per class are the option ``maps_per_class`` of :class:`mmwsl.models.LSEAggregationHead`.

    Args:
        kmax: Highest-scoring locations, a count or a fraction as in :class:`TopKPooling`. The paper uses 20 of 14 x 14.
        kmin: Lowest-scoring locations, a count or a fraction as in :class:`TopKPooling`, or 0.
        alpha: Weight of the lowest-scoring locations.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(self, kmax: int | float = 20, kmin: int | float = 20, alpha: float = 0.7) -> None:
        super().__init__()
        self.kmax, self.kmin, self.alpha = kmax, kmin, alpha
        self(_ONE_LOCATION)

    def forward(self, scores: Tensor, valid: Tensor | None = None) -> Tensor:
        """Aggregate ``(N, K, H, W)`` to ``(N, K)`` over the ``valid (N, H, W)`` locations."""
        return wildcat_pool(scores, self.kmax, self.kmin, self.alpha, valid)

    def extra_repr(self) -> str:
        """Show the arguments."""
        return f'kmax={self.kmax}, kmin={self.kmin}, alpha={self.alpha}'


@MODELS.register_module()
class GlobalWeightedRankPooling(nn.Module):
    """Average with weights that decay with the rank; see :func:`mmwsl.functional.global_weighted_rank_pool`.

    Args:
        d: Decay, in [0, 1]; one number or one per class, background included. The paper's 0.996 is for 41 x 41
            locations; to weight the same fraction of a map of n locations, use ``0.996 ** (41 * 41 / n)``.

    Raises:
        ValueError: If ``d`` is not in [0, 1].
    """

    def __init__(self, d: float | Sequence[float] = 0.996) -> None:
        super().__init__()
        self.d = d
        self(_ONE_LOCATION.repeat(1, len(d) if isinstance(d, Sequence) else 1, 1, 1))

    def forward(self, scores: Tensor, valid: Tensor | None = None) -> Tensor:
        """Aggregate ``(N, K, H, W)`` to ``(N, K)`` over the ``valid (N, H, W)`` locations."""
        return global_weighted_rank_pool(scores, self.d, valid)

    def extra_repr(self) -> str:
        """Show ``d``."""
        return f'd={self.d}'
