"""Light decoder of the tokens of a frozen transformer (WeCLIP)."""

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from ...registry import MODELS


@MODELS.register_module()
class WeCLIPHead(BaseDecodeHead):
    r"""Decoder of the patch tokens of several blocks of a frozen CLIP (WeCLIP, Zhang et al., CVPR 2024).

    Two linear layers with a ReLU map the tokens of each block to ``channels``. A 1x1 convolution fuses them to features
    f; transformer blocks and a 1x1 convolution make the logits. The affinity of patches is

    .. math:: A_{ij} = \sigma (f_i \cdot f_j)

    Widths of the layers within the blocks are not verified in the authors' code.

    Args:
        in_channels: Features of a token, of each block of ``in_index``.
        channels: Channels of f; 256 in WeCLIP.
        num_layers: Number of transformer blocks; 3 in WeCLIP.
        num_heads: Number of heads of their attention, which divides ``channels``.
        **kwargs: Passed to :class:`mmseg.models.decode_heads.decode_head.BaseDecodeHead`.

    Raises:
        ValueError: If ``num_heads`` does not divide ``channels``.
    """

    def __init__(
        self, in_channels: Sequence[int], channels: int = 256, *, num_layers: int = 3, num_heads: int = 8, **kwargs: Any
    ) -> None:
        if channels % num_heads:
            raise ValueError(f'WeCLIPHead: `num_heads` must divide `channels` {channels}, got {num_heads}.')
        widths = list(in_channels)
        kwargs = dict(in_index=list(range(len(widths))), dropout_ratio=0.0) | kwargs
        super().__init__(widths, channels, input_transform='multiple_select', **kwargs)
        self.reduce = nn.ModuleList(
            nn.Sequential(nn.Linear(width, channels), nn.ReLU(), nn.Linear(channels, channels)) for width in widths
        )
        self.fuse = nn.Conv2d(len(widths) * channels, channels, 1)
        block = nn.TransformerEncoderLayer(channels, num_heads, 4 * channels, 0.0, 'gelu', batch_first=True)
        self.blocks = nn.TransformerEncoder(block, num_layers, enable_nested_tensor=False)

    def features(self, inputs: Sequence[Tensor]) -> Tensor:
        """Fuse the feature maps of the backbone to f, ``(N, channels, h, w)``."""
        maps = self._transform_inputs(inputs)
        reduced = [
            layer(one.flatten(2).transpose(1, 2)).transpose(1, 2).unflatten(2, one.shape[2:])
            for layer, one in zip(self.reduce, maps, strict=True)
        ]
        fused: Tensor = self.fuse(torch.cat(reduced, 1))
        return fused

    def decode(self, features: Tensor) -> Tensor:
        """Score f, ``(N, channels, h, w)``, to ``seg_logits (N, K, h, w)``."""
        tokens = self.blocks(features.flatten(2).transpose(1, 2))
        logits: Tensor = self.cls_seg(tokens.transpose(1, 2).unflatten(2, features.shape[2:]))
        return logits

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Score every location: feature maps of the backbone to ``seg_logits (N, K, h, w)``."""
        return self.decode(self.features(inputs))

    @staticmethod
    def affinity(features: Tensor) -> Tensor:
        """Return the affinity of patches, ``(N, h * w, h * w)`` in (0, 1), in float32."""
        flat = features.float().flatten(2)
        return (flat.transpose(1, 2) @ flat).sigmoid()
