"""Weighted averages of the scores, with weights from a softmax over the cells."""

import math

import torch
from torch import Tensor, nn

from ...functional import attention_pool, softmax_pool
from ...registry import MODELS


@MODELS.register_module()
class SoftmaxPooling(nn.Module):
    """Average weighted by the softmax of the scores, as in SPLeaP; see :func:`mmwsl.functional.softmax_pool`.

    Args:
        sharpness: Factor of the scores in the softmax, or its initial value if learned.
        learned_classes: Learn one value for each of this many classes (background included), of any sign, as in the
            paper. Fixed if None.

    Raises:
        ValueError: If ``sharpness`` is not finite.
    """

    def __init__(self, sharpness: float = 1.0, learned_classes: int | None = None) -> None:
        super().__init__()
        if not math.isfinite(sharpness):
            raise ValueError(f'`sharpness` must be a finite number, got {sharpness}')
        if learned_classes is None:
            self.sharpness = sharpness
        else:
            self.sharpness = nn.Parameter(torch.full((learned_classes,), float(sharpness)))

    def forward(self, scores: Tensor, valid: Tensor | None = None) -> Tensor:
        """Aggregate ``(N, K, H, W)`` to ``(N, K)`` over the ``valid (N, H, W)`` cells."""
        return softmax_pool(scores, self.sharpness, valid)

    def extra_repr(self) -> str:
        """Show ``sharpness``."""
        return f'sharpness={"learned" if isinstance(self.sharpness, nn.Parameter) else self.sharpness}'


@MODELS.register_module()
class AttentionPooling(nn.Module):
    r"""Average with learned attention (Ilse et al., ICML 2018, Eq. 8); see :func:`mmwsl.functional.attention_pool`.

    .. math:: a_{ij} = W \tanh(V s_{ij} + b)

    The embedding of a cell, from which the paper computes one attention, is here the vector of its class scores
    :math:`s_{ij}`, and each class has its own attention. W begins as 0, so that training begins with the mean. Computed
    in float32 under autocast too.

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
        """Aggregate ``(N, K, H, W)`` to ``(N, K)`` over the ``valid (N, H, W)`` cells."""
        if scores.dim() != 4 or scores.shape[1] != self.embed.in_channels:
            raise ValueError(
                f'`scores` must be (N, K, H, W) with the {self.embed.in_channels} classes of '
                f'`num_classes`, got {tuple(scores.shape)}'
            )
        with torch.autocast(scores.device.type, enabled=False):
            scores = scores.to(self.embed.weight.dtype)
            return attention_pool(scores, self.attend(self.embed(scores).tanh()), valid)
