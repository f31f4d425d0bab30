"""Global sum, average and max pooling, and Log-Sum-Exp pooling between the last two."""

import math

from torch import Tensor, nn

from ...functional import global_average_pool, global_max_pool, global_sum_pool, lse_pool
from ...registry import MODELS
from .learnable import learnable_parameter


@MODELS.register_module()
class GlobalAveragePooling(nn.Module):
    """Global average pooling (GAP) of the scores; see :func:`mmwsl.functional.global_average_pool`."""

    def forward(self, scores: Tensor, valid: Tensor | None = None) -> Tensor:
        """Aggregate ``(N, K, H, W)`` to ``(N, K)`` over the ``valid (N, H, W)`` locations."""
        return global_average_pool(scores, valid)


@MODELS.register_module()
class GlobalSumPooling(nn.Module):
    """Sum of the scores, which grows with the image; see :func:`mmwsl.functional.global_sum_pool`.

    With n locations, divide the learning rate and the initial weights of the head's last convolution by n.
    """

    def forward(self, scores: Tensor, valid: Tensor | None = None) -> Tensor:
        """Aggregate ``(N, K, H, W)`` to ``(N, K)`` over the ``valid (N, H, W)`` locations."""
        return global_sum_pool(scores, valid)


@MODELS.register_module()
class GlobalMaxPooling(nn.Module):
    """Global max pooling (GMP) of the scores; see :func:`mmwsl.functional.global_max_pool`."""

    def forward(self, scores: Tensor, valid: Tensor | None = None) -> Tensor:
        """Aggregate ``(N, K, H, W)`` to ``(N, K)`` over the ``valid (N, H, W)`` locations."""
        return global_max_pool(scores, valid)


@MODELS.register_module()
class LSEPooling(nn.Module):
    """Log-Sum-Exp of the scores with sharpness ``r``; see :func:`mmwsl.functional.lse_pool`.

    Args:
        r: Sharpness, or its initial value if learnable. The paper fixes 5.
        learnable: Train one ``r`` per class, as ``exp`` of the parameter ``log_r`` so that it stays positive. Weight
            decay pulls it to 1.
        num_classes: Classes K of a learnable ``r``, background included.

    Raises:
        ValueError: If ``r`` is not positive and finite, or ``num_classes`` does not fit ``learnable``.
    """

    def __init__(self, r: float = 5.0, learnable: bool = False, num_classes: int | None = None) -> None:
        super().__init__()
        if not 0 < r < math.inf:
            raise ValueError(f'LSEPooling: `r` must be positive and finite, got {r}.')
        self.r = r
        self.log_r = learnable_parameter(math.log(r), learnable, num_classes)

    def forward(self, scores: Tensor, valid: Tensor | None = None) -> Tensor:
        """Aggregate ``(N, K, H, W)`` to ``(N, K)`` over the ``valid (N, H, W)`` locations."""
        return lse_pool(scores, self.r if self.log_r is None else self.log_r.exp(), valid)

    def extra_repr(self) -> str:
        """Show ``r``."""
        return f'r={self.r if self.log_r is None else "learned"}'
