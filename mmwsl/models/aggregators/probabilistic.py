"""Aggregators of the locations' probabilities, returned as log-odds."""

import math

from torch import Tensor, nn

from ...functional import gem_pool, noisy_or_pool
from ...registry import MODELS
from .learnable import learnable_parameter


@MODELS.register_module()
class NoisyOrPooling(nn.Module):
    """Probability that any location shows the class, as log-odds; see :func:`mmwsl.functional.noisy_or_pool`.

    With n locations let training begin with scores near ``-log(n)``, which is the bias of the head's last convolution:
    ``init_cfg=dict(type='Normal', std=0.01, bias=-6.7, override=dict(name='conv_seg'))`` for 784 locations. With a bias
    of 0 every class begins with a probability near 1.
    """

    def forward(self, scores: Tensor, valid: Tensor | None = None) -> Tensor:
        """Aggregate ``(N, K, H, W)`` to ``(N, K)`` over the ``valid (N, H, W)`` locations."""
        return noisy_or_pool(scores, valid)


@MODELS.register_module()
class GeMPooling(nn.Module):
    """Generalized mean of the probabilities, as log-odds; see :func:`mmwsl.functional.gem_pool`.

    Args:
        p: Exponent, or its initial value if learnable.
        learnable: Train one ``p`` per class, as ``exp`` of the parameter ``log_p`` so that it stays positive. Weight
            decay pulls it to 1.
        num_classes: Classes K of a learnable ``p``, background included.

    Raises:
        ValueError: If ``p`` is not positive and finite, or ``num_classes`` does not fit ``learnable``.
    """

    def __init__(self, p: float = 3.0, learnable: bool = False, num_classes: int | None = None) -> None:
        super().__init__()
        if not 0 < p < math.inf:
            raise ValueError(f'GeMPooling: `p` must be positive and finite, got {p}.')
        self.p = p
        self.log_p = learnable_parameter(math.log(p), learnable, num_classes)

    def forward(self, scores: Tensor, valid: Tensor | None = None) -> Tensor:
        """Aggregate ``(N, K, H, W)`` to ``(N, K)`` over the ``valid (N, H, W)`` locations."""
        return gem_pool(scores, self.p if self.log_p is None else self.log_p.exp(), valid)

    def extra_repr(self) -> str:
        """Show ``p``."""
        return f'p={self.p if self.log_p is None else "learned"}'
