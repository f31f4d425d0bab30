"""Head that weights the attention heads of a transformer (WeakTr)."""

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.utils import ConfigType, SampleList
from torch import Tensor, nn

from ...functional import (
    at_least_float32,
    class_attention,
    global_average_pool,
    patch_attention,
    refine_by_attention,
)
from ...registry import MODELS
from .class_token_head import MCTformerHead


class AdaptiveAttentionFusion(nn.Module):
    r"""Weights in (0, 1) of the attention heads of all blocks of an image (WeakTr, Zhu et al., 2023).

    The tokens of a block are split into the features of its heads, whose maxima over the tokens are mapped to one value
    per head by two linear layers. These values of all heads of all blocks go through two more,

    .. math:: w = \sigma (W_4 \max(0, W_3 v)), \quad v_h = W_2 W_1 \max_t x_{h, t}

    The ReLU between the last two is not verified in the authors' code.

    Args:
        embed_dim: Features D of a token.
        num_layers: Number of blocks L.
        num_heads: Number of heads H of a block, which divides D.
        reduction: Factor by which the hidden layers are narrower; 8 in WeakTr.

    Raises:
        ValueError: If ``num_heads`` does not divide ``embed_dim``, or ``reduction`` is not positive.
    """

    def __init__(self, embed_dim: int, num_layers: int, num_heads: int, reduction: int = 8) -> None:
        super().__init__()
        if embed_dim % num_heads or reduction < 1:
            raise ValueError(
                f'`num_heads` must divide {embed_dim} and `reduction` be positive, got {num_heads} and {reduction}.'
            )
        self.num_heads, width, heads = num_heads, embed_dim // num_heads, num_layers * num_heads
        hidden, squeezed = max(1, width // reduction), max(1, heads // reduction)
        self.pool = nn.Sequential(nn.Linear(width, hidden), nn.Linear(hidden, 1))
        self.excite = nn.Sequential(nn.Linear(heads, squeezed), nn.ReLU(), nn.Linear(squeezed, heads))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the weights ``(N, L, H)`` for tokens ``(N, L, T, D)``."""
        heads = tokens.unflatten(3, (self.num_heads, -1)).amax(2)  # (N, L, H, D / H)
        weights: Tensor = self.excite(self.pool(heads).flatten(1)).sigmoid()
        return weights.unflatten(1, tuple(heads.shape[1:3]))


@MODELS.register_module()
class WeakTrHead(MCTformerHead):
    r"""Head whose class maps weight the attention of every head of a transformer (WeakTr, Zhu et al., 2023).

    With the weights w of :class:`AdaptiveAttentionFusion`, the attention A of all heads and blocks, and the logits z of
    the patches by a convolution,

    .. math:: F_c(i) = \sum_j \bar P_{ij} \, \bar X_c(j) \, \max(0, z_c(j)), \quad
              \bar P = \frac{1}{LH} \sum_h w_h A_h^{\text{patch}}, \quad
              \bar X = \frac{1}{LH} \sum_h w_h A_h^{\text{class}}

    The loss is the sum of the image-level losses of the class tokens, of the aggregated z, and of the mean of F. Only
    the fusion learns from F: attention, tokens and z are detached there. A prediction has the maps F.

    Args:
        num_layers: Number of blocks of the backbone; 12 in DeiT.
        num_heads: Number of heads of a block; 6 in DeiT-S.
        reduction: See :class:`AdaptiveAttentionFusion`.
        **kwargs: Passed to :class:`MCTformerHead`. The backbone has ``attention='heads'``.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(self, *args: Any, num_layers: int, num_heads: int, reduction: int = 8, **kwargs: Any) -> None:
        super().__init__(*args, contrast_weight=0.0, **kwargs)
        self.fusion = AdaptiveAttentionFusion(self.in_channels, num_layers, num_heads, reduction)

    def loss(
        self, inputs: Sequence[Tensor], batch_data_samples: SampleList, train_cfg: ConfigType
    ) -> dict[str, Tensor]:
        """Compute the losses of the class tokens, of the patches, and of the fused maps."""
        seg_logits = self.forward(inputs)
        losses = self.loss_by_feat(seg_logits, batch_data_samples)
        valid = self.valid_in_batch(seg_logits, batch_data_samples)
        with torch.autocast(seg_logits.device.type, enabled=False):
            losses |= self.token_losses(self._class_tokens(inputs), batch_data_samples)
            fine = global_average_pool(self.fuse(inputs, seg_logits, valid), valid)
            losses |= self.image_losses(fine, batch_data_samples, 'fused')
        return losses

    def fuse(self, inputs: Sequence[Tensor], seg_logits: Tensor, valid: Tensor) -> Tensor:
        """Return the fused maps F of the foreground, ``(N, C, h, w)``; only the fusion has a gradient."""
        self._check(inputs)
        attention, count = inputs[2].detach(), self.num_classes - 1
        if attention.dim() != 5 or attention.shape[1:3] != inputs[1].shape[1:2] + (self.fusion.num_heads,):
            raise ValueError(
                "WeakTrHead: the backbone must have attention='heads' and `num_heads` heads in each block, got "
                f'attention of the shape {tuple(attention.shape)}.'
            )
        size = (seg_logits.shape[2], seg_logits.shape[3])
        weights = self.fusion(at_least_float32(inputs[1].detach()))
        fused = torch.einsum('nlh,nlhij->nij', weights, at_least_float32(attention)) / weights[0].numel()
        coarse = at_least_float32(seg_logits)[:, 1:].detach().relu()
        crossed = class_attention(fused, count, size) * coarse
        return refine_by_attention(crossed, patch_attention(fused, count, size), valid)

    def localize(self, inputs: Sequence[Tensor], seg_logits: Tensor, images: Tensor, valid: Tensor) -> Tensor:
        """Return the fused maps; see :meth:`LSEAggregationHead.localize`."""
        maps = self.fuse(inputs, seg_logits, valid)
        return torch.cat([seg_logits[:, :1].to(maps.dtype), maps], 1)
