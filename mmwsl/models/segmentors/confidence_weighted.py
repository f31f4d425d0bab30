"""Segmentor whose pixels count by the confidence of their pseudo-label."""

from typing import Any

import torch
from mmseg.structures.sampler import BasePixelSampler
from mmseg.utils import SampleList
from torch import Tensor, nn
from torch.nn import functional as F

from ...registry import MODELS
from ...utils.metainfo import image_padding
from ...utils.sample_fields import check_fields
from ..losses.noisy_label_losses import NoisyLabelLoss
from .weak_encoder_decoder import WeakEncoderDecoder

CONFIDENCE = dict(
    confidence="the transform type='mmwsl.LoadConfidence' after LoadAnnotations, and 'mmwsl.PackSegInputsWithMaps' as "
    'the last one'
)


@MODELS.register_module()
class ConfidenceWeightedSegmentor(WeakEncoderDecoder):
    r"""Segmentor that weights the losses of the pixels by ``confidence``, for any head and pixel loss of mmseg.

    .. math:: L = \frac{\sum_i w_i \ell_i}{\sum_i w_i}

    over the labeled pixels of the batch, with the confidence :math:`w_i`, the highest score that the source of the
    pseudo-label gives to the pixel. CoSA (Yang et al., ECCV 2024) weights the same way, and divides by the number of
    pixels. The loss is 0 if no pixel has a weight.

    The weights reach the losses as those of a pixel sampler do, so the formula holds for a loss that averages over the
    labeled pixels, such as ``CrossEntropyLoss(avg_non_ignore=True)`` or :class:`mmwsl.models.RobustCrossEntropyLoss`
    without ``balanced``, which is an error. It predicts as its parent does.

    Args:
        **kwargs: Passed to :class:`mmwsl.models.WeakEncoderDecoder`.

    Raises:
        ValueError: If a head has a pixel sampler or a balanced loss.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for head in self._heads():
            if head.sampler is not None:
                raise ValueError(
                    '`sampler` of the heads must be None for ConfidenceWeightedSegmentor, got '
                    f'{type(head.sampler).__name__}. Remove it.'
                )
            losses = head.loss_decode if isinstance(head.loss_decode, nn.ModuleList) else [head.loss_decode]
            if any(isinstance(loss, NoisyLabelLoss) and loss.balanced for loss in losses):
                raise ValueError(
                    '`loss_decode.balanced` of the heads must be False for ConfidenceWeightedSegmentor, got True: it '
                    'divides by the number of pixels, not by their weights. Remove it.'
                )

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict[str, Tensor]:
        """Compute the losses, in which each pixel has the weight of its confidence."""
        sampler = _ConfidenceSampler(self._weights(data_samples), self.decode_head.ignore_index)
        for head in self._heads():
            head.sampler = sampler
        try:
            losses: dict[str, Tensor] = super().loss(inputs, data_samples)
        finally:
            for head in self._heads():
                head.sampler = None
        return losses

    def _heads(self) -> list[Any]:
        auxiliary = getattr(self, 'auxiliary_head', None)
        others = auxiliary if isinstance(auxiliary, nn.ModuleList) else [auxiliary] if self.with_auxiliary_head else []
        return [self.decode_head, *others]

    def _weights(self, data_samples: SampleList) -> Tensor:
        """Stack the confidences, padded by 0 like the inputs, ``(N, H, W)``."""
        weights = []
        for sample in data_samples:
            check_fields(self, sample, CONFIDENCE)
            weights.append(F.pad(sample.confidence.data[0], image_padding(sample.metainfo)))
        return torch.stack(weights)


class _ConfidenceSampler(BasePixelSampler):
    """Pixel sampler that returns given weights, scaled to a mean of 1 over the labeled pixels."""

    def __init__(self, weights: Tensor, ignore_index: int) -> None:
        self.weights, self.ignore_index = weights, ignore_index

    def sample(self, seg_logit: Tensor, seg_label: Tensor) -> Tensor:
        """Return the weights ``(N, H, W)`` of labels ``(N, 1, H, W)``."""
        labeled = seg_label[:, 0] != self.ignore_index
        weights = self.weights.masked_fill(~labeled, 0.0)
        total = weights.sum()
        return weights * torch.where(total > 0, labeled.sum() / total, 0.0)
