"""Aggregation head with the pixel correlation module of SEAM."""

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.models.utils import resize
from torch import Tensor, nn

from ...functional import keep_highest, normalized_maps, pixel_correlation, with_background
from ...registry import MODELS
from .lse_aggregation_head import LSEAggregationHead


@MODELS.register_module()
class SEAMHead(LSEAggregationHead):
    """Aggregation head whose maps are revised by the correlation of features (SEAM, Wang et al., CVPR 2020).

    The feature maps of some stages, after a 1x1 convolution each, and the colors of the image are joined by one more
    1x1 convolution to the features of :func:`mmwsl.functional.pixel_correlation`. It averages the maps of
    the classes, of which only the highest is kept at a location, and of the background. Neither maps nor
    backbone get a gradient from this module. Train it with :class:`mmwsl.models.SEAM`.

    Args:
        correlation_in_index: Indices of the backbone's feature maps.
        correlation_in_channels: Channels of each.
        correlation_channels: Channels that the convolution of each has.
        embedding_channels: Channels of the joined features.
        **kwargs: Passed to :class:`LSEAggregationHead`.

    Raises:
        ValueError: If the three lists have different lengths.
    """

    def __init__(
        self,
        *args: Any,
        correlation_in_index: Sequence[int],
        correlation_in_channels: Sequence[int],
        correlation_channels: Sequence[int] = (64, 128),
        embedding_channels: int = 192,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        lengths = {len(correlation_in_index), len(correlation_in_channels), len(correlation_channels)}
        if len(lengths) != 1:
            raise ValueError(
                'SEAMHead: `correlation_in_index`, `correlation_in_channels` and `correlation_channels` must have one '
                f'value for each feature map, got {list(correlation_in_index)}, {list(correlation_in_channels)} and '
                f'{list(correlation_channels)}.'
            )
        self.correlation_in_index = list(correlation_in_index)
        pairs = zip(correlation_in_channels, correlation_channels, strict=True)
        self.reductions = nn.ModuleList(nn.Conv2d(before, after, 1, bias=False) for before, after in pairs)
        self.embedding = nn.Conv2d(3 + sum(correlation_channels), embedding_channels, 1, bias=False)

    def revise(self, inputs: Sequence[Tensor], seg_logits: Tensor, images: Tensor, valid: Tensor) -> Tensor:
        """Revise score maps.

        Args:
            inputs: Feature maps of the backbone.
            seg_logits: Score maps, ``(N, K, H, W)``; channel 0 is not used.
            images: The normalized images, ``(N, 3, ...)``.
            valid: Locations inside the images, boolean ``(N, H, W)``.

        Returns:
            Maps with background, in [0, 1], ``(N, K, H, W)``.
        """
        size = seg_logits.shape[2:]
        levels = [
            resize(reduce(inputs[index].detach()).relu(), size=size, mode='bilinear', align_corners=self.align_corners)
            for reduce, index in zip(self.reductions, self.correlation_in_index, strict=True)
        ]
        colors = resize(images, size=size, mode='bilinear', align_corners=self.align_corners)
        maps = keep_highest(with_background(normalized_maps(seg_logits.detach()[:, 1:], valid)))
        return pixel_correlation(maps, self.embedding(torch.cat([colors, *levels], 1)), valid)

    def localize(self, inputs: Sequence[Tensor], seg_logits: Tensor, images: Tensor, valid: Tensor) -> Tensor:
        """Return the revised maps; see :meth:`LSEAggregationHead.localize`."""
        return self.revise(inputs, seg_logits, images, valid)
