"""The skips of FCN-16s and FCN-8s."""

from collections.abc import Sequence

import torch
from mmseg.models.decode_heads import FCNHead
from torch import Tensor, nn
from torch.nn import functional as F

from ...functional import bilinear_kernel
from ...registry import MODELS


@MODELS.register_module()
class FCNSkipHead(FCNHead):
    """``FCNHead`` whose scores are doubled and added to those of finer maps, step by step (Long et al., CVPR 2015).

    Without skips it is the parent, FCN-32s; with one FCN-16s; with two FCN-8s. Each step doubles the scores by a
    learned transposed convolution, bilinear at the start, and adds a 1x1 scoring of the finer map, zero at the start.
    So a network that starts from the checkpoint of its coarser sibling (``load_from``), whose parameters have the same
    names, first predicts what that one does, and learns the detail: coarse to fine. The last interpolation, to the
    image, is bilinear and not learned, as in the paper.

    Args:
        skip_indices: Indices of the finer maps, coarse to fine, each of half the stride of the one before.
        skip_channels: Channels of each.
        **kwargs: Of :class:`mmseg.models.decode_heads.FCNHead`, for the coarsest map.

    Raises:
        ValueError: If there is not one number of channels for each skip; in ``forward``, if a map is not of half the
            stride of the one before.
    """

    def __init__(self, *, skip_indices: Sequence[int] = (), skip_channels: Sequence[int] = (), **kwargs) -> None:
        if len(skip_indices) != len(skip_channels):
            raise ValueError(
                '`skip_indices` and `skip_channels` must have one value for each skip, got '
                f'{skip_indices} and {skip_channels}'
            )
        super().__init__(**kwargs)
        self.skip_indices = tuple(skip_indices)
        self.skip_scores = nn.ModuleList(nn.Conv2d(channels, self.out_channels, 1) for channels in skip_channels)
        # One row and column more are padded on each side than bilinear interpolation needs, and cut off, see `forward`.
        self.doublings = nn.ModuleList(
            nn.ConvTranspose2d(self.out_channels, self.out_channels, 4, stride=2, padding=3, bias=False)
            for _ in skip_channels
        )
        for score, doubling in zip(self.skip_scores, self.doublings, strict=True):
            nn.init.zeros_(score.weight)
            nn.init.zeros_(score.bias)
            with torch.no_grad():
                doubling.weight.copy_(torch.eye(self.out_channels)[..., None, None] * bilinear_kernel(2))

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Score the cells of the finest map, ``(N, K, h, w)``."""
        scores = super().forward(inputs)
        for index, score, doubling in zip(self.skip_indices, self.skip_scores, self.doublings, strict=True):
            fine = score(inputs[index])
            height, width = fine.shape[2:]
            if not all(
                0 <= 2 * coarse - size <= 1 for coarse, size in zip(scores.shape[2:], (height, width), strict=True)
            ):
                raise ValueError(
                    f'`skip_indices` {self.skip_indices}: map {index} has {height} x {width} cells, which '
                    f'is not twice the {scores.shape[2]} x {scores.shape[3]} of the map before'
                )
            # The edge is repeated: beyond it a transposed convolution sees zeros, and would fade the border out.
            doubled = doubling(F.pad(scores, (1, 1, 1, 1), mode='replicate'))
            scores = doubled[..., :height, :width] + fine
        return scores
