"""Heads that are trained on pairs of neighboring locations, and AffinityNet."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.utils import resize
from mmseg.utils import SampleList
from torch import Tensor, nn

from ...functional import affinity_losses, feature_affinities, half_disc_offsets, pair_labels
from ...registry import MODELS
from .supervision import masks_at_locations


class PairwiseHead(BaseDecodeHead):
    r"""Base class of heads that predict the affinity of neighboring locations.

    It is trained on masks, such as pseudo-labels with ignored pixels, which are sampled at the centers of the
    locations. The locations are those of the first feature map. The loss is

    .. math:: \ell = \ell^+_{bg} / 4 + \ell^+_{fg} / 4 + \ell^- / 2

    of all pairs closer than ``radius``, see :func:`mmwsl.functional.affinity_losses`. The head does not know the
    classes: it predicts no mask. :class:`mmwsl.inference.LearnedAffinityWalk` refines class maps with it.

    Args:
        in_channels: Channels of each feature map.
        in_index: Indices of the feature maps in the outputs of the backbone; the first has the locations.
        radius: Exclusive distance of the pairs in locations, for training.
        margin: Outer rows and columns without pairs, see :func:`mmwsl.functional.pair_labels`.
        channels: Channels of the last feature map.
        init_cfg: Initialization.
        **kwargs: Passed to :class:`mmseg.models.decode_heads.decode_head.BaseDecodeHead`. ``num_classes`` is the number
            of classes of the masks.

    Raises:
        ValueError: If the radius is less than 2, or the margin is negative.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        in_index: Sequence[int],
        *,
        radius: int = 5,
        margin: int = 0,
        channels: int = 1,
        init_cfg: dict | None = None,
        **kwargs: Any,
    ) -> None:
        if not isinstance(margin, int) or margin < 0:
            raise ValueError(f'{type(self).__name__}: `margin` must be a non-negative integer, got {margin!r}.')
        super().__init__(
            list(in_channels),
            channels,
            in_index=list(in_index),
            input_transform='multiple_select',
            dropout_ratio=0.0,
            init_cfg=init_cfg,
            **kwargs,
        )
        del self.conv_seg  # the head has no classes
        self.offsets = half_disc_offsets(radius)
        self.radius, self.margin = radius, margin

    @abstractmethod
    def affinities(self, output: Tensor, radius: int) -> Tensor:
        """Compute the affinities ``(N, O, h, w)`` of pairs closer than ``radius`` from the output of ``forward``."""

    @abstractmethod
    def unflip(self, output: Tensor) -> Tensor:
        """Turn the output for a horizontally flipped image into one for the image."""

    def confidence(self, output: Tensor) -> Tensor | None:
        """Return a factor in [0, 1] of the foreground scores before a walk, ``(N, h, w)``; None is 1."""
        return None

    def pairs(self, size: Sequence[int], data_samples: SampleList) -> Tensor:
        """Label the pairs of a batch by its masks, ``gt_sem_seg``, see :func:`mmwsl.functional.pair_labels`.

        Raises:
            KeyError: If a sample has no mask.
        """
        if any('gt_sem_seg' not in sample for sample in data_samples):
            raise KeyError(
                f'{type(self).__name__} needs the field `gt_sem_seg` of the data sample. Add the transform '
                "type='LoadAnnotations'."
            )
        masks = masks_at_locations(data_samples, size, self.ignore_index)
        return pair_labels(torch.stack([mask for mask in masks if mask is not None]), self.offsets, -1, self.margin)

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: SampleList) -> dict[str, Tensor]:
        """Compute the losses of the output of ``forward``."""
        return self.pair_losses(seg_logits, self.pairs(seg_logits.shape[2:], batch_data_samples))

    def pair_losses(self, output: Tensor, pairs: Tensor) -> dict[str, Tensor]:
        """Compute the losses of the output of ``forward`` on labeled pairs."""
        background, foreground, negative = affinity_losses(self.affinities(output, self.radius), pairs)
        return dict(
            loss_background_pairs=background / 4, loss_foreground_pairs=foreground / 4, loss_negative_pairs=negative / 2
        )

    def predict_by_feat(self, seg_logits: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Reject the prediction of a mask."""
        raise TypeError(
            f'{type(self).__name__} predicts affinities, not masks. Refine the class maps of another network with '
            "dict(type='mmwsl.LearnedAffinityWalk', config=..., checkpoint=...) in `inference.postprocessors`."
        )


@MODELS.register_module()
class AffinityHead(PairwiseHead):
    """Head of AffinityNet, PSA (Ahn & Kwak, CVPR 2018): features whose distance is the affinity.

    Each feature map has a 1x1 convolution with ELU. They are resized to the first one and concatenated, and another 1x1
    convolution with ELU follows; no convolution has a bias. The affinity is
    :func:`mmwsl.functional.feature_affinities`. The authors' network uses 64, 128 and 256 channels of three stages at
    stride 8, 448 in total, and Xavier initialization of gain 4 in the last convolution.

    Args:
        in_channels: See :class:`PairwiseHead`.
        in_index: See :class:`PairwiseHead`.
        level_channels: Channels of the convolution of each feature map.
        **kwargs: Passed to :class:`PairwiseHead`, without ``channels``, the sum of ``level_channels``.

    Raises:
        ValueError: If ``level_channels`` does not have one number for each feature map.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        in_index: Sequence[int],
        *,
        level_channels: Sequence[int] = (64, 128, 256),
        **kwargs: Any,
    ) -> None:
        if len(level_channels) != len(in_channels):
            raise ValueError(
                'AffinityHead: `level_channels` must have one number for each feature map, got '
                f'{tuple(level_channels)} and in_channels={tuple(in_channels)}.'
            )
        total = sum(level_channels)
        super().__init__(in_channels, in_index, channels=total, **kwargs)
        self.levels = nn.ModuleList(
            nn.Sequential(nn.Conv2d(before, after, 1, bias=False), nn.ELU())
            for before, after in zip(in_channels, level_channels, strict=True)
        )
        last = nn.Conv2d(total, total, 1, bias=False)
        nn.init.xavier_uniform_(last.weight, gain=4)
        self.fusion = nn.Sequential(last, nn.ELU())

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Compute the features of the locations of the first feature map, ``(N, C, h, w)``."""
        maps = [level(x) for level, x in zip(self.levels, self._transform_inputs(inputs), strict=True)]
        return self.fusion(concatenate(maps, maps[0].shape[2:], self.align_corners))

    def affinities(self, output: Tensor, radius: int) -> Tensor:
        """Compute the affinities from features; see :meth:`PairwiseHead.affinities`."""
        return feature_affinities(output, half_disc_offsets(radius))

    def unflip(self, output: Tensor) -> Tensor:
        """Flip the features; see :meth:`PairwiseHead.unflip`."""
        return output.flip(3)


def concatenate(maps: Sequence[Tensor], size: Sequence[int], align_corners: bool) -> Tensor:
    """Concatenate feature maps at one size, bilinearly resized."""
    return torch.cat(
        [
            x if x.shape[2:] == size else resize(x, size=tuple(size), mode='bilinear', align_corners=align_corners)
            for x in maps
        ],
        1,
    )
