"""Head whose score maps of several scales are aggregated together."""

from collections.abc import Sequence

import torch
from mmseg.models.utils import resize
from mmseg.utils import ConfigType, SampleList
from torch import Tensor

from ...registry import MODELS
from ...utils.metainfo import image_padding
from .lse_aggregation_head import LSEAggregationHead


@MODELS.register_module()
class PyramidAggregationHead(LSEAggregationHead):
    """Head that aggregates the locations of all scales at once (ProNet, Sun et al., CVPR 2016).

    It scores each feature map of a :class:`mmwsl.models.ScalePyramid` with the same layers. The aggregator pools the
    locations of all score maps together, so that their order and that of the scales do not matter. The arguments are
    those of :class:`LSEAggregationHead`.
    """

    def score_levels(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Score feature maps ``(N, C, h, w)`` of several scales to score maps ``(N, K, h, w)``."""
        return [super(PyramidAggregationHead, self).forward((level,)) for level in inputs]

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Score every location: the maximum over scales, ``(N, K, h, w)``, of the size of the largest score map."""
        return self.merge_levels(self.score_levels(inputs))

    def merge_levels(self, levels: Sequence[Tensor]) -> Tensor:
        """Merge score maps to their maximum over scales, of the size of the largest."""
        size = max((level.shape[2:] for level in levels), key=lambda shape: shape[0] * shape[1])
        resized = [resize(level, size=size, mode='bilinear', align_corners=self.align_corners) for level in levels]
        return torch.stack(resized).amax(0)

    def join_levels(
        self, levels: Sequence[Tensor], batch_img_metas: Sequence[dict], input_size: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """List the locations of all scales.

        Args:
            levels: Score maps ``(N, K, h, w)`` that each cover the padded images.
            batch_img_metas: Meta information with the padding of each image, if any.
            input_size: Height and width of the padded images, in pixels.

        Returns:
            Scores ``(N, K, L, 1)`` and which locations lie in their image, ``(N, L, 1)``.
        """
        valid = [self.valid_locations(level, batch_img_metas, input_size).flatten(1) for level in levels]
        scores = torch.cat([level.flatten(2) for level in levels], 2)
        return scores[..., None], torch.cat(valid, 1)[..., None]

    def loss(
        self, inputs: Sequence[Tensor], batch_data_samples: SampleList, train_cfg: ConfigType
    ) -> dict[str, Tensor]:
        """Compute the losses of feature maps of several scales."""
        metas = [sample.metainfo for sample in batch_data_samples]
        height, width = metas[0]['img_shape'][:2]
        left, right, top, bottom = image_padding(metas[0])
        size = (height + top + bottom, width + left + right)
        return self.compute_losses(*self.join_levels(self.score_levels(inputs), metas, size), batch_data_samples)
