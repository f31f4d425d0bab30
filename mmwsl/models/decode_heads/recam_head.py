"""Aggregation head with a second classifier of the features under each map (ReCAM)."""

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.utils import ConfigType, SampleList
from torch import Tensor, nn
from torch.nn import functional as F

from ...functional import at_least_float32, class_features, reactivation_loss
from ...registry import MODELS
from .lse_aggregation_head import LSEAggregationHead


@MODELS.register_module()
class ReCAMHead(LSEAggregationHead):
    r"""Aggregation head whose maps are reactivated by a softmax classifier (ReCAM, Chen et al., CVPR 2022).

    A linear classifier :math:`w'` without bias gets the features under the map of each present class, and must tell
    this class from all others: see :func:`mmwsl.functional.class_features` and
    :func:`mmwsl.functional.reactivation_loss`. A prediction has the maps of both classifiers,
    :math:`\sum_k w_{ck} w'_{ck} F_k`; image-level scores are those of the first. Use
    :class:`mmwsl.inference.ClassActivationMaps` and known image-level labels. Any aggregator and loss train the first
    classifier.

    Args:
        reactivation_weight: Weight of the softmax cross-entropy.
        **kwargs: Passed to :class:`LSEAggregationHead`; the last convolution must be 1x1 with one map per class.

    Raises:
        ValueError: If the last convolution is not 1x1, there are several maps per class, or the weight is negative.
    """

    def __init__(self, *args: Any, reactivation_weight: float = 1.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.conv_seg.kernel_size != (1, 1) or self.maps_per_class != 1:
            raise ValueError(
                'ReCAMHead: the last of `kernel_size` and `maps_per_class` must be 1, got '
                f'{self.conv_seg.kernel_size[0]} and {self.maps_per_class}.'
            )
        if not reactivation_weight >= 0:
            raise ValueError(f'ReCAMHead: `reactivation_weight` must be non-negative, got {reactivation_weight}.')
        self.reactivation_weight = reactivation_weight
        self.reactivation = nn.Linear(self.channels, self.num_classes - 1, bias=False)

    def loss(
        self, inputs: Sequence[Tensor], batch_data_samples: SampleList, train_cfg: ConfigType
    ) -> dict[str, Tensor]:
        """Compute the losses of both classifiers."""
        features = self.convs(self._transform_inputs(inputs))
        seg_logits = self.cls_seg(features)
        losses = self.loss_by_feat(seg_logits, batch_data_samples)
        labels = torch.stack([sample.gt_label.score for sample in batch_data_samples])[:, 1:]
        valid = self.valid_in_batch(seg_logits, batch_data_samples)
        with torch.autocast(seg_logits.device.type, enabled=False):
            features, seg_logits = at_least_float32(features), at_least_float32(seg_logits)
            logits = self.reactivation(class_features(seg_logits[:, 1:], features, valid))
            losses['loss_reactivation'] = self.reactivation_weight * reactivation_loss(logits, labels)
        return losses

    def localize(self, inputs: Sequence[Tensor], seg_logits: Tensor, images: Tensor, valid: Tensor) -> Tensor:
        """Return the maps of both classifiers; see :meth:`LSEAggregationHead.localize`."""
        features = self.convs(self._transform_inputs(inputs))
        weight = self.conv_seg.weight[1:] * self.reactivation.weight[..., None, None]
        return torch.cat([seg_logits[:, :1], F.conv2d(features, weight)], 1)
