"""The network of a segmentor as one module from an image to probabilities, for export."""

from typing import Any, NamedTuple

import torch
from mmcv.transforms import Resize
from mmengine.config import Config
from mmseg.datasets.transforms import PackSegInputs
from mmseg.models.segmentors import EncoderDecoder
from torch import Tensor, nn
from torch.nn import functional as F

from mmwsl.apis.image_pipeline import is_image_loader
from mmwsl.apis.registered import is_mask_loader, is_subclass, without
from mmwsl.datasets.transforms import (
    ComputeObjectness,
    ComputeSuperpixels,
    KeepOriginalImage,
    LoadObjectness,
    LoadSuperpixels,
)
from mmwsl.functional import fixed_point_resize
from mmwsl.inference import Probabilities, WholeScorer
from mmwsl.models import ProposalCascade, WeakEncoderDecoder
from mmwsl.registry import TRANSFORMS

NOT_GEOMETRIC = (
    KeepOriginalImage,
    ComputeObjectness,
    ComputeSuperpixels,
    LoadObjectness,
    LoadSuperpixels,
    PackSegInputs,
)


class ResizeRule(NamedTuple):
    """How an image is resized before the network.

    Attributes:
        scale: Width and height.
        keep_ratio: Whether the image is scaled to fit into ``scale``, else it is distorted to ``scale``.
    """

    scale: tuple[int, int]
    keep_ratio: bool

    def size(self, shape: Tensor) -> Tensor:
        """Return the new height and width, ``(2,)`` int64, of an image of height and width ``shape``, as mmcv does."""
        if not self.keep_ratio:
            return torch.tensor(self.scale[::-1])
        sides = shape.double()
        factor = torch.minimum(max(self.scale) / sides.max(), min(self.scale) / sides.min())
        return (sides * factor + 0.5).long()


def find_resize_rule(cfg: Config) -> ResizeRule | None:
    """Return how the test pipeline resizes an image; None if it does not.

    Raises:
        ValueError: If it changes the image in another way.
    """
    rule = None
    for step in without(cfg.test_dataloader.dataset.pipeline, is_mask_loader):
        if is_image_loader(step) or is_subclass(step, TRANSFORMS, NOT_GEOMETRIC):
            continue
        resize: Any = TRANSFORMS.build(step) if is_subclass(step, TRANSFORMS, Resize) else None
        if resize is None or rule or resize.scale is None or resize.interpolation != 'bilinear':
            raise ValueError(
                '`test_dataloader.dataset.pipeline` must contain one bilinear Resize at most to be exported, got '
                f'{dict(step)}. Remove it.'
            )
        rule = ResizeRule(tuple(resize.scale), resize.keep_ratio)
    return rule


class OnnxNetwork(nn.Module):
    """A segmentor from images to probabilities: resizing, normalization, network, interpolation, softmax or sigmoid.

    Post-processors are not part of it. It only uses operations that ``torch.onnx`` traces with any size.

    Args:
        model: The segmentor.
        resize: How an image is resized.

    Raises:
        ValueError: If the segmentor scores images in another way than as a whole.
    """

    model: Any
    mean: Tensor
    std: Tensor

    def __init__(self, model: Any, resize: ResizeRule | None) -> None:
        super().__init__()
        check_exportable(model)
        self.model, self.resize = model, resize
        preprocessor = model.data_preprocessor
        self.rgb = preprocessor._channel_conversion  # the pipeline loads BGR
        self.divisor = (preprocessor.test_cfg or {}).get('size_divisor') or 1
        self.pad_value = preprocessor.pad_val
        self.align_corners: bool = model.align_corners
        self.image_head: Any = getattr(model, 'image_head', None)
        padded = self.divisor > 1 and self.image_head is not model.decode_head  # padding would take part in its pooling
        self.aggregates: bool = self.image_head is not None and not padded
        if self.aggregates and self.divisor > 1:
            raise ValueError(
                '`data_preprocessor.test_cfg.size_divisor` must be None to export a head that aggregates, got '
                f'{self.divisor}. Remove it.'
            )
        shape = (1, 3, 1, 1)
        normalize = preprocessor._enable_normalize
        self.register_buffer('mean', preprocessor.mean.view(shape).clone() if normalize else torch.zeros(shape))
        self.register_buffer('std', preprocessor.std.view(shape).clone() if normalize else torch.ones(shape))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Predict images.

        Args:
            image: RGB, ``(N, 3, H, W)`` uint8.

        Returns:
            Probabilities of the pixels ``(N, K, H, W)`` and, if the head aggregates, of the images ``(N, K)``.
        """
        inputs = image.float()
        if self.resize is not None:
            inputs = fixed_point_resize(image, self.resize.size(torch._shape_as_tensor(image)[2:]))
        inputs = inputs if self.rgb else inputs.flip(1)
        inputs = (inputs - self.mean) / self.std
        height, width = inputs.shape[2:]
        if self.divisor > 1:
            bottom, right = -height % self.divisor, -width % self.divisor
            inputs = F.pad(inputs, (0, right, 0, bottom), value=self.pad_value)
        features = self.model.extract_feat(inputs)
        seg_logits = self.model.decode_head(features)
        logits = self._interpolate(seg_logits, inputs)[..., :height, :width]
        logits = self._interpolate(logits, image)
        if not isinstance(self.model, WeakEncoderDecoder):
            return (logits.softmax(1),)
        probs = self.model.pixel_probs(logits)
        if not self.aggregates:
            return (probs,)
        scores = seg_logits if self.image_head is self.model.decode_head else self.image_head(features)
        valid = torch.ones_like(scores[:, 0], dtype=torch.bool)
        return probs, self.model.image_probs(self.image_head.aggregator(scores, valid))

    def _interpolate(self, logits: Tensor, like: Tensor) -> Tensor:
        return F.interpolate(logits, size=like.shape[2:], mode='bilinear', align_corners=self.align_corners)


def check_exportable(model: Any) -> None:
    """Check that a segmentor scores an image as a whole, so that :class:`OnnxNetwork` can replace it.

    Raises:
        ValueError: If it does not.
    """
    kind = type(model).__name__
    if isinstance(model, ProposalCascade) or not isinstance(model, EncoderDecoder) or model.out_channels == 1:
        raise ValueError(
            "`model.type` must be 'EncoderDecoder' or 'mmwsl.WeakEncoderDecoder' with one output channel per class to "
            f'be exported, got {kind}. Train a segmentor on its pseudo-labels and export that.'
        )
    if not isinstance(model, WeakEncoderDecoder):
        if model.test_cfg.mode != 'whole':
            raise ValueError(f"`model.test_cfg.mode` must be 'whole' to be exported, got {model.test_cfg.mode!r}.")
        return
    pipeline = model.pipeline
    if type(pipeline.scorer) is not WholeScorer or type(pipeline.class_maps) is not Probabilities:
        raise ValueError(
            '`model.inference` must have a WholeScorer and Probabilities to be exported, got '
            f'{type(pipeline.scorer).__name__} and {type(pipeline.class_maps).__name__}. Pass --cfg-options '
            'model.inference.scorer=None model.inference.class_maps=None.'
        )
    if not model.same_padding:
        raise ValueError('`decode_head.same_padding` must be True to be exported, got False. Use a network that pads.')
