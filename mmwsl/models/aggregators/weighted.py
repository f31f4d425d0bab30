"""Weighted averages of the scores, with weights from a softmax over the locations."""

import math

import torch
from torch import Tensor, nn

from ...functional import attention_pool, softmax_pool
from ...registry import MODELS
from .learnable import learnable_parameter


@MODELS.register_module()
class SoftmaxPooling(nn.Module):
    """Average weighted by the softmax of the scores, as in SPLeaP; see :func:`mmwsl.functional.softmax_pool`.

    Args:
        sharpness: Factor of the scores in the softmax, or its initial value if learnable.
        learnable: Train one sharpness of any sign per class, as in the paper.
        num_classes: Classes K of a learnable sharpness, background included.

    Raises:
        ValueError: If ``sharpness`` is not finite, or ``num_classes`` does not fit ``learnable``.
    """

    def __init__(self, sharpness: float = 1.0, learnable: bool = False, num_classes: int | None = None) -> None:
        super().__init__()
        if not math.isfinite(sharpness):
            raise ValueError(f'SoftmaxPooling: `sharpness` must be finite, got {sharpness}.')
        parameter = learnable_parameter(sharpness, learnable, num_classes)
        self.sharpness = sharpness if parameter is None else parameter

    def forward(self, scores: Tensor, valid: Tensor | None = None) -> Tensor:
        """Aggregate ``(N, K, H, W)`` to ``(N, K)`` over the ``valid (N, H, W)`` locations."""
        return softmax_pool(scores, self.sharpness, valid)

    def extra_repr(self) -> str:
        """Show ``sharpness``."""
        return f'sharpness={"learned" if isinstance(self.sharpness, nn.Parameter) else self.sharpness}'


@MODELS.register_module()
class AttentionPooling(nn.Module):
    r"""Average with learned attention (Ilse et al., ICML 2018, Eq. 8); see :func:`mmwsl.functional.attention_pool`.

    .. math:: a_{ij} = W \tanh(V s_{ij} + b)

    The paper computes one attention from the embedding of an instance. Here the embedding of a location is the vector
    of its class scores :math:`s_{ij}`, and each class has its own attention. W is initialized with 0, so that training
    begins with global average pooling. Computed in float32 under autocast too.

    Args:
        num_classes: Classes K, background included.
        hidden_channels: Rows of V.
    """

    def __init__(self, num_classes: int, hidden_channels: int = 16) -> None:
        super().__init__()
        self.embed = nn.Conv2d(num_classes, hidden_channels, 1)
        self.attend = nn.Conv2d(hidden_channels, num_classes, 1, bias=False)  # a bias would leave the softmax as it is
        nn.init.zeros_(self.attend.weight)

    def forward(self, scores: Tensor, valid: Tensor | None = None) -> Tensor:
        """Aggregate ``(N, K, H, W)`` to ``(N, K)`` over the ``valid (N, H, W)`` locations."""
        if scores.dim() != 4 or scores.shape[1] != self.embed.in_channels:
            raise ValueError(
                f'AttentionPooling: `scores` must be (N, K, H, W) with the {self.embed.in_channels} classes of '
                f'`num_classes`, got {tuple(scores.shape)}.'
            )
        with torch.autocast(scores.device.type, enabled=False):
            scores = scores.to(self.embed.weight.dtype)
            return attention_pool(scores, self.attend(self.embed(scores).tanh()), valid)
