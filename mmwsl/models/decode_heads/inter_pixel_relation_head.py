"""Head of IRN: boundaries between classes, and displacements to the centers of instances."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ...functional import boundary_affinities, displacement_losses, half_disc_offsets, numbers_on
from ...registry import MODELS
from .affinity_head import PairwiseHead, concatenate


@MODELS.register_module()
class InterPixelRelationHead(PairwiseHead):
    r"""Head of IRN (Ahn et al., CVPR 2019): a boundary map and a displacement field from several frozen feature maps.

    The affinity of two locations is 1 minus the highest boundary probability on the path between them,
    :func:`mmwsl.functional.boundary_affinities`; no boundary is labeled. The displacement of a location points to the
    center of its instance; its loss is the mean of those of :func:`mmwsl.functional.displacement_losses` and is added
    to that of the affinities.

    Boundary: each feature map has a 1x1 convolution to ``edge_channels`` with group normalization and ReLU. They are
    resized to the first one, concatenated, and a 1x1 convolution gives one channel. Displacement: likewise with
    ``displacement_channels``; the feature maps from ``coarse_index`` on are fused at the size of the first of them,
    then all are fused at the size of the first feature map. The authors' widths are the defaults, for five stages of a
    ResNet-50.

    The losses do not fix the mean of the field, but the center does. :class:`mmwsl.engine.hooks.MeanDisplacementHook`
    stores its mean over the training set in the buffer ``mean_displacement``, which evaluation mode subtracts. Semantic
    masks do not depend on it.

    No gradient reaches the backbone: freeze it.

    Args:
        in_channels: See :class:`PairwiseHead`.
        in_index: See :class:`PairwiseHead`.
        edge_channels: Channels of each feature map for the boundary, a multiple of 4.
        displacement_channels: Channels of each feature map for the displacement, multiples of 8; of 16 from 128 on. An
            empty list leaves the displacement out: a head for boundaries only.
        coarse_index: First of the feature maps that are fused before the others.
        fused_channels: Channels of the fused maps, a multiple of 16.
        **kwargs: Passed to :class:`PairwiseHead`, without ``channels``.

    Raises:
        ValueError: If ``displacement_channels`` does not have one number for each feature map, or no feature map is
            before or after ``coarse_index``.
    """

    mean_displacement: Tensor

    def __init__(
        self,
        in_channels: Sequence[int],
        in_index: Sequence[int],
        *,
        edge_channels: int = 32,
        displacement_channels: Sequence[int] = (64, 128, 256, 256, 256),
        coarse_index: int = 2,
        fused_channels: int = 256,
        radius: int = 10,
        **kwargs: Any,
    ) -> None:
        count = len(in_channels)
        if displacement_channels and (len(displacement_channels) != count or not 0 < coarse_index < count):
            raise ValueError(
                'InterPixelRelationHead: `displacement_channels` must have one number for each feature map, and '
                f'`coarse_index` be in 1..{count - 1}, got {tuple(displacement_channels)} and {coarse_index}.'
            )
        super().__init__(in_channels, in_index, radius=radius, **kwargs)
        self.coarse_index = coarse_index
        self.edge_levels = nn.ModuleList(_block(before, edge_channels, 4) for before in in_channels)
        self.edge = nn.Conv2d(count * edge_channels, 1, 1)
        self.predicts_displacements = bool(displacement_channels)
        if self.predicts_displacements:
            widths = list(displacement_channels)
            self.displacement_levels = nn.ModuleList(
                _block(before, after, 8 if after < 128 else 16)
                for before, after in zip(in_channels, widths, strict=True)
            )
            self.displacement_coarse = _block(sum(widths[coarse_index:]), fused_channels, 16)
            self.displacement_fusion = _block(sum(widths[:coarse_index]) + fused_channels, fused_channels, 16)
            self.displacement = nn.Conv2d(fused_channels, 2, 1, bias=False)
            self.register_buffer('mean_displacement', torch.zeros(2))

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Compute the boundary logits, and rows and columns of the displacements if any, ``(N, 1 or 3, h, w)``."""
        features = [x.detach() for x in self._transform_inputs(inputs)]
        size, corners = features[0].shape[2:], self.align_corners
        edges = [level(x) for level, x in zip(self.edge_levels, features, strict=True)]
        boundary = self.edge(concatenate(edges, size, corners))
        if not self.predicts_displacements:
            return boundary
        maps = [level(x) for level, x in zip(self.displacement_levels, features, strict=True)]
        fine, coarse = maps[: self.coarse_index], maps[self.coarse_index :]
        fused = self.displacement_coarse(concatenate(coarse, coarse[0].shape[2:], corners))
        field = self.displacement(self.displacement_fusion(concatenate([*fine, fused], size, corners)))
        if not self.training:
            field = field - self.mean_displacement.view(2, 1, 1)
        return torch.cat([boundary, field], 1)

    def pair_losses(self, output: Tensor, pairs: Tensor) -> dict[str, Tensor]:
        """Compute the losses of affinities and displacements; see :meth:`PairwiseHead.pair_losses`."""
        losses = super().pair_losses(output, pairs)
        if self.predicts_displacements:
            background, foreground = displacement_losses(output[:, 1:], pairs, self.offsets)
            losses |= dict(loss_background_displacements=background / 2, loss_foreground_displacements=foreground / 2)
        return losses

    def affinities(self, output: Tensor, radius: int) -> Tensor:
        """Compute the affinities from boundaries; see :meth:`PairwiseHead.affinities`."""
        return boundary_affinities(output[:, 0].sigmoid(), half_disc_offsets(radius))

    def confidence(self, output: Tensor) -> Tensor:
        """Return the probability that a location is no boundary; see :meth:`PairwiseHead.confidence`."""
        return 1 - output[:, 0].sigmoid()

    def unflip(self, output: Tensor) -> Tensor:
        """Flip the maps, and the direction of the columns; see :meth:`PairwiseHead.unflip`."""
        signs = numbers_on(output.device, [1, 1, -1][: output.shape[1]], output.dtype)
        return output.flip(3) * signs.view(-1, 1, 1)


def _block(in_channels: int, out_channels: int, groups: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.GroupNorm(groups, out_channels), nn.ReLU(inplace=True)
    )
