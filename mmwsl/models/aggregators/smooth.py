"""Mean, maximum, and Log-Sum-Exp between them."""

import math

import torch
from torch import Tensor, nn

from ...functional import global_average_pool, global_max_pool, lse_pool
from ...registry import MODELS


@MODELS.register_module()
class GlobalAveragePooling(nn.Module):
    """Average of the scores; see :func:`mmwsl.functional.global_average_pool`."""

    def forward(self, scores: Tensor, valid: Tensor | None = None) -> Tensor:
        """Aggregate ``(N, K, H, W)`` to ``(N, K)`` over the ``valid (N, H, W)`` cells."""
        return global_average_pool(scores, valid)


@MODELS.register_module()
class GlobalMaxPooling(nn.Module):
    """Maximum of the scores; see :func:`mmwsl.functional.global_max_pool`."""

    def forward(self, scores: Tensor, valid: Tensor | None = None) -> Tensor:
        """Aggregate ``(N, K, H, W)`` to ``(N, K)`` over the ``valid (N, H, W)`` cells."""
        return global_max_pool(scores, valid)


@MODELS.register_module()
class LSEPooling(nn.Module):
    """Log-Sum-Exp of the scores with sharpness ``r``; see :func:`mmwsl.functional.lse_pool`.

    Args:
        r: Sharpness, or its initial value if learned. The paper fixes 5.
        learned_classes: Learn one ``r`` for each of this many classes (background included), as ``exp`` of the
            parameter ``log_r`` so that it stays positive; weight decay pulls it to 1. Fixed if None.

    Raises:
        ValueError: If ``r`` is not positive and finite.
    """

    def __init__(self, r: float = 5.0, learned_classes: int | None = None) -> None:
        super().__init__()
        if not 0 < r < math.inf:
            raise ValueError(f'`r` must be a positive finite number, got {r}')
        if learned_classes is None:
            self.r = r
        else:
            self.log_r = nn.Parameter(torch.full((learned_classes,), math.log(r)))

    def forward(self, scores: Tensor, valid: Tensor | None = None) -> Tensor:
        """Aggregate ``(N, K, H, W)`` to ``(N, K)`` over the ``valid (N, H, W)`` cells."""
        r = self.log_r.exp() if hasattr(self, 'log_r') else self.r
        return lse_pool(scores, r, valid)

    def extra_repr(self) -> str:
        """Show ``r``."""
        return 'r=learned' if hasattr(self, 'log_r') else f'r={self.r}'
