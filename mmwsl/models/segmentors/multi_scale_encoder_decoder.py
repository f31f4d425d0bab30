"""Segmentor with several scales of its input and shared weights."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.models.utils import resize
from mmseg.structures import SegDataSample
from mmseg.utils import SampleList
from torch import Tensor, nn
from torch.nn import functional as F

from ...registry import MODELS
from .weak_encoder_decoder import WeakEncoderDecoder


@MODELS.register_module()
class MultiScaleEncoderDecoder(WeakEncoderDecoder):
    r"""Network of several input scales with shared weights, fused by a maximum (Chen et al., DeepLab v2, PAMI 2018).

    With :math:`s_f` the score map of the image at scale :math:`f`, interpolated to the size of the first score map, the
    scores are :math:`\max_f s_f`, element by element: a maximum of logits, not of probabilities. In training, each
    scale and the maximum have a loss of equal weight, with masks subsampled to the size of the score map, named
    ``scale_<factor>.*`` and ``max.*``.

    Args:
        scales: Factors of the input size, positive.
        **kwargs: Passed to :class:`mmwsl.models.WeakEncoderDecoder`.

    Raises:
        ValueError: If ``scales`` is empty or a factor is not positive, or the head is trained on image-level labels or
            there are auxiliary heads.
    """

    def __init__(self, scales: Sequence[float] = (1.0, 0.75, 0.5), **kwargs: Any) -> None:
        if not scales or not all(0 < scale < float('inf') for scale in scales):
            raise ValueError(f'`model.scales` must be positive numbers, at least one, got {scales!r}.')
        super().__init__(**kwargs)
        if self.aggregates or self.with_auxiliary_head:
            raise ValueError(
                '`model.decode_head` must be trained on masks and have no auxiliary head for `model.scales`, got '
                f'{type(self.decode_head).__name__} and with_auxiliary_head={self.with_auxiliary_head}.'
            )
        self.scales = tuple(scales)

    def score_scales(self, inputs: Tensor) -> list[Tensor]:
        """Return the score map of each scale, ``(N, K, h, w)``, with sizes that differ."""
        sizes = [tuple(max(round(side * scale), 1) for side in inputs.shape[2:]) for scale in self.scales]
        images = [inputs if size == inputs.shape[2:] else self._resize(inputs, size) for size in sizes]
        return [self.decode_head(self.extract_feat(image)) for image in images]

    def fuse(self, score_maps: Sequence[Tensor]) -> Tensor:
        """Return the maximum of the score maps at the size of the first one."""
        first, *others = score_maps
        size = first.shape[2:]
        return torch.stack([first, *(self._resize(scores, size) for scores in others)]).amax(0)

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict[str, Tensor]:
        """Return the losses of each scale and of their maximum."""
        score_maps = self.score_scales(inputs)
        names = [f'scale_{scale:g}' for scale in self.scales]
        losses: dict[str, Tensor] = {}
        for name, scores in zip([*names, 'max'], [*score_maps, self.fuse(score_maps)], strict=True):
            found = self.decode_head.loss_by_feat(scores, _subsample(data_samples, scores.shape[2:]))
            losses |= {f'{name}.{key}': value for key, value in found.items()}
        return losses

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Return the fused scores at the size of the images."""
        return self.decode_head.predict_by_feat(self.fuse(self.score_scales(inputs)), batch_img_metas)

    def _forward(self, inputs: Tensor, data_samples: SampleList | None = None) -> Tensor:
        """Return the fused score map, ``(N, K, h, w)``."""
        return self.fuse(self.score_scales(inputs))

    def score_network(self) -> nn.Module:
        """Reject dense scoring, which rewrites a network of one scale."""
        raise ValueError(
            '`inference.scorer` must be for whole images, sliding windows or tiles with `model.scales`, got a scorer '
            'that rewrites the network.'
        )

    def _resize(self, x: Tensor, size: Sequence[int]) -> Tensor:
        return resize(x, size=tuple(size), mode='bilinear', align_corners=self.align_corners)


def _subsample(data_samples: SampleList, size: Sequence[int]) -> SampleList:
    """Return samples whose masks have the size of the score map; ids are not mixed."""
    masks = (sample.gt_sem_seg.data for sample in data_samples)
    small = (F.interpolate(mask[None].float(), tuple(size), mode='nearest-exact')[0].to(mask.dtype) for mask in masks)
    return [SegDataSample(gt_sem_seg=PixelData(data=mask)) for mask in small]
