"""Aggregations of the cells' probabilities, returned as log-odds."""

import math

import torch
from torch import Tensor, nn

from ...functional import gem_pool, noisy_or_pool
from ...registry import MODELS


@MODELS.register_module()
class NoisyOrPooling(nn.Module):
    """Probability that any cell shows the class, as log-odds; see :func:`mmwsl.functional.noisy_or_pool`.

    With n cells let training begin with scores near ``-log(n)``, which is the bias of the head's last convolution:
    ``init_cfg=dict(type='Normal', std=0.01, bias=-6.7, override=dict(name='conv_seg'))`` for 784 cells. From 0 every
    class begins as certain.
    """

    def forward(self, scores: Tensor, valid: Tensor | None = None) -> Tensor:
        """Aggregate ``(N, K, H, W)`` to ``(N, K)`` over the ``valid (N, H, W)`` cells."""
        return noisy_or_pool(scores, valid)


@MODELS.register_module()
class GeMPooling(nn.Module):
    """Generalized mean of the probabilities, as log-odds; see :func:`mmwsl.functional.gem_pool`.

    Args:
        p: Exponent, or its initial value if learned.
        learned_classes: Learn one ``p`` for each of this many classes (background included), as ``exp`` of the
            parameter ``log_p`` so that it stays positive; weight decay pulls it to 1. Fixed if None.

    Raises:
        ValueError: If ``p`` is not positive and finite.
    """

    def __init__(self, p: float = 3.0, learned_classes: int | None = None) -> None:
        super().__init__()
        if not 0 < p < math.inf:
            raise ValueError(f'`p` must be a positive finite number, got {p}')
        if learned_classes is None:
            self.p = p
        else:
            self.log_p = nn.Parameter(torch.full((learned_classes,), math.log(p)))

    def forward(self, scores: Tensor, valid: Tensor | None = None) -> Tensor:
        """Aggregate ``(N, K, H, W)`` to ``(N, K)`` over the ``valid (N, H, W)`` cells."""
        p = self.log_p.exp() if hasattr(self, 'log_p') else self.p
        return gem_pool(scores, p, valid)

    def extra_repr(self) -> str:
        """Show ``p``."""
        return 'p=learned' if hasattr(self, 'log_p') else f'p={self.p}'
