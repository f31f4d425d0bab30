"""Head with the skip connections of FCN-16s and FCN-8s."""

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.models.decode_heads import FCNHead
from torch import Tensor, nn
from torch.nn import functional as F

from ...functional import bilinear_kernel
from ...registry import MODELS


@MODELS.register_module()
class FCNSkipHead(FCNHead):
    """``FCNHead`` with skip connections to finer feature maps (Long et al., CVPR 2015).

    Without skips it is the parent, FCN-32s; with one skip FCN-16s; with two skips FCN-8s. Each skip doubles the score
    map by a learned transposed convolution, initially bilinear, and adds a 1x1 scoring of the finer feature map,
    initially zero. The parameters keep the names of the coarser network. Training from its checkpoint (``load_from``)
    therefore begins with the same predictions and adds the detail, coarse to fine. The last interpolation, to the
    image, is bilinear and not learned, as in the paper.

    Args:
        skip_indices: Indices of the finer feature maps, coarse to fine, each of half the previous stride.
        skip_channels: Channels of each finer feature map.
        **kwargs: Passed to :class:`mmseg.models.decode_heads.FCNHead`, for the coarsest feature map.

    Raises:
        ValueError: If ``skip_channels`` does not have one value per skip; in ``forward``, if a feature map does not
            have half the previous stride.
    """

    def __init__(self, *, skip_indices: Sequence[int] = (), skip_channels: Sequence[int] = (), **kwargs: Any) -> None:
        if len(skip_indices) != len(skip_channels):
            raise ValueError(
                'FCNSkipHead: `skip_indices` and `skip_channels` must have one value for each skip, got '
                f'{skip_indices} and {skip_channels}.'
            )
        super().__init__(**kwargs)
        self.skip_indices = tuple(skip_indices)
        scores = [nn.Conv2d(channels, self.out_channels, 1) for channels in skip_channels]
        # One more row and column than bilinear interpolation needs is padded on each side, and cut off in `forward`.
        doublings = [
            nn.ConvTranspose2d(self.out_channels, self.out_channels, 4, stride=2, padding=3, bias=False)
            for _ in skip_channels
        ]
        for parameter in (parameter for score in scores for parameter in score.parameters()):
            nn.init.zeros_(parameter)
        for doubling in doublings:
            with torch.no_grad():
                doubling.weight.copy_(torch.eye(self.out_channels)[..., None, None] * bilinear_kernel(2))
        self.skip_scores, self.doublings = nn.ModuleList(scores), nn.ModuleList(doublings)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Score the locations of the finest feature map, ``(N, K, h, w)``."""
        scores = super().forward(inputs)
        for index, score, doubling in zip(self.skip_indices, self.skip_scores, self.doublings, strict=True):
            fine = score(inputs[index])
            height, width = fine.shape[2:]
            if not all(
                0 <= 2 * coarse - size <= 1 for coarse, size in zip(scores.shape[2:], (height, width), strict=True)
            ):
                raise ValueError(
                    f'FCNSkipHead: feature map {index} of `skip_indices` must be twice as large as the previous map '
                    f'({scores.shape[2]} x {scores.shape[3]}), got {height} x {width}.'
                )
            # Replicate padding: with zeros the transposed convolution would fade out at the image border.
            doubled = doubling(F.pad(scores, (1, 1, 1, 1), mode='replicate'))
            scores = doubled[..., :height, :width] + fine
        return scores
