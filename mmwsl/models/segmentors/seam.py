"""Segmentor that is trained on an image and a smaller copy of it (SEAM)."""

from typing import Any

import torch
from mmseg.models.utils import resize
from mmseg.utils import SampleList
from torch import Tensor

from ...functional import (
    at_least_float32,
    equivariance_loss,
    hardest_mean,
    keep_highest,
    lowest_foreground,
    normalized_maps,
    scale_maps,
    with_background,
)
from ...registry import MODELS
from ..decode_heads import SEAMHead
from .weak_encoder_decoder import WeakEncoderDecoder


@MODELS.register_module()
class SEAM(WeakEncoderDecoder):
    r"""Segmentor with the equivariant regularization of SEAM (Wang et al., CVPR 2020, Eqs. 3 to 7).

    The network gets an image x and its scaled copy A(x). With the normalized maps n of the present classes, M of the
    classifier and M' of the pixel correlation module (:class:`mmwsl.models.SEAMHead`), the loss is

    .. math::
        L = \tfrac12 (L_{cls}(x) + L_{cls}(Ax)) + |A \, nM(x) - nM(Ax)| + H\big(|o(nM(Ax)) - A \, nM'(x)|\big)
        + H\big(|o(A \, nM(x)) - nM'(Ax)|\big) + L_{min}

    where o adds the background and keeps the highest class, without a gradient, H is the mean of the largest 20%
    of the values, and :math:`L_{min}` the mean of the lowest quarter of the foreground, which the authors' code has.
    In an image with an unknown label, the background may show the class: it takes no part in H. A prediction has the
    maps M'; image-level scores are those of M.

    Args:
        scale: Factor of A, 0.3 in the paper.
        **kwargs: Passed to :class:`mmwsl.models.WeakEncoderDecoder`; the head must be a :class:`mmwsl.models.SEAMHead`.

    Raises:
        ValueError: If ``scale`` is not in (0, 1) or the head is another one.
    """

    decode_head: SEAMHead

    def __init__(self, *, scale: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 < scale < 1:
            raise ValueError(f'`model.scale` must be in (0, 1), got {scale}.')
        if not isinstance(self.decode_head, SEAMHead):
            raise ValueError(
                f"`model.decode_head` must have type='mmwsl.SEAMHead', got {type(self.decode_head).__name__}."
            )
        self.scale = scale

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict[str, Tensor]:
        """Compute the losses of a batch."""
        small = resize(inputs, scale_factor=self.scale, mode='bilinear', align_corners=self.align_corners)
        views = [self._view(images, inputs, data_samples) for images in (inputs, small)]
        losses: dict[str, Tensor] = {}
        for seg_logits, _, valid in views:
            for name, value in self.decode_head.compute_losses(seg_logits, valid, data_samples).items():
                losses[f'decode.{name}'] = losses.get(f'decode.{name}', 0) + value / 2
        with torch.autocast(inputs.device.type, enabled=False):
            losses |= {f'decode.{name}': value for name, value in self._self_supervision(views, data_samples).items()}
        return losses

    def _view(self, images: Tensor, inputs: Tensor, data_samples: SampleList) -> tuple[Tensor, Tensor, Tensor]:
        """Return score map, revised maps and valid locations of the images or their scaled copies."""
        features = self.extract_feat(images)
        seg_logits = self.decode_head.forward(features)
        metas = [sample.metainfo for sample in data_samples]
        valid = self.decode_head.valid_locations(seg_logits, metas, (inputs.shape[2], inputs.shape[3]))
        return seg_logits, self.decode_head.revise(features, seg_logits, images, valid), valid

    def _self_supervision(
        self, views: list[tuple[Tensor, Tensor, Tensor]], data_samples: SampleList
    ) -> dict[str, Tensor]:
        given = torch.stack([sample.gt_label.score for sample in data_samples])[:, 1:, None, None]
        labels = given == 1
        with_labels = torch.cat([(given != -1).all(1, keepdim=True), labels], 1)
        (large, large_revised, large_valid), (small, small_revised, small_valid) = (
            (at_least_float32(seg_logits), at_least_float32(revised), valid) for seg_logits, revised, valid in views
        )
        size, corners = small.shape[2:], self.align_corners
        scaled = scale_maps(normalized_maps(large[:, 1:], large_valid, subtract_min=True) * labels, size, corners)
        maps = normalized_maps(small[:, 1:], small_valid, subtract_min=True) * labels
        revised = normalized_maps(large_revised, large_valid, subtract_min=True) * with_labels
        revised_small = normalized_maps(small_revised, small_valid, subtract_min=True) * with_labels
        targets = [keep_highest(with_background(one.detach())) * with_labels for one in (maps, scaled)]
        predictions = [scale_maps(revised, size, corners), revised_small]
        cross = [
            hardest_mean((target - prediction).abs(), small_valid)
            for target, prediction in zip(targets, predictions, strict=True)
        ]
        lowest = [
            lowest_foreground((one * with_labels)[:, 1:], valid)
            for one, valid in ((large_revised, large_valid), (small_revised, small_valid))
        ]
        return dict(
            loss_equivariance=equivariance_loss(scaled, maps, small_valid),
            loss_cross=cross[0] + cross[1],
            loss_lowest=(lowest[0] + lowest[1]) / 2,
        )
