"""The segmentation network and aggregation layer of Pinheiro & Collobert."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.utils import SampleList
from torch import Tensor, nn

from ...functional import at_least_float32, class_wise_pool, global_average_pool, numbers_on, valid_locations
from ...registry import MODELS
from ...utils.metainfo import image_padding
from ..backgrounds import Background, LearnedBackground
from ..losses import ImageLabelLoss, ScoreMapLoss
from .supervision import collect_supervision


@MODELS.register_module()
class LSEAggregationHead(BaseDecodeHead):
    """Head whose score map is trained through its aggregated scores (Pinheiro & Collobert, CVPR 2015).

    Unlike its parent, it is trained without masks: an aggregator pools the score map into one score per class, which is
    trained on the image-level labels. Inference skips the aggregator. If you have masks, use mmseg's ``FCNHead``.

    The score map comes from ``len(hidden_channels)`` convolutions, each with ReLU and dropout, and one plain
    convolution. The defaults are the paper's network, 3x3 and 1024-768-512-K, except for the padding.

    Args:
        in_channels: Channels of the backbone's feature map, or of several with ``input_transform='resize_concat'``.
        num_classes: Classes K, background included.
        hidden_channels: Channels of the hidden convolutions; empty for one convolution only.
        kernel_size: Size of the kernels, one number or one per convolution, the last convolution included.
        same_padding: Pad with zeros, so that the score map has the size of the feature map. Set it to False, as in the
            paper, only with a backbone that does not pad either: the scorer then pads the inputs.
        aggregator: Config of the aggregator, e.g. ``dict(type='mmwsl.LSEPooling', r=5.)``.
        background: Config of the background model, which also decides what the losses train channel 0 on.
        loss_decode: Config of the loss, or several. A :class:`mmwsl.models.losses.ScoreMapLoss` gets the score map,
            any other loss the aggregated scores.
        dropout_ratio: Dropout after each hidden convolution.
        maps_per_class: Maps M that the last convolution computes per class, averaged to its score (WILDCAT, Durand
            et al., CVPR 2017); see :func:`mmwsl.functional.class_wise_pool`.
        **kwargs: Passed to :class:`mmseg.models.decode_heads.decode_head.BaseDecodeHead`.

    Raises:
        ValueError: If ``kernel_size`` does not have one odd value per convolution, ``maps_per_class`` is less than 1,
            or a loss of score maps does not fit the background.
    """

    def __init__(
        self,
        in_channels: int | Sequence[int],
        *,
        num_classes: int,
        hidden_channels: Sequence[int] = (1024, 768, 512),
        kernel_size: int | Sequence[int] = 3,
        same_padding: bool = True,
        aggregator: dict | None = None,
        background: dict | None = None,
        loss_decode: dict | Sequence[dict] | None = None,
        dropout_ratio: float = 0.5,
        maps_per_class: int = 1,
        **kwargs: Any,
    ) -> None:
        channels = [in_channels if isinstance(in_channels, int) else sum(in_channels), *hidden_channels]
        kernels = [kernel_size] * len(channels) if isinstance(kernel_size, int) else list(kernel_size)
        if len(kernels) != len(channels) or any(k < 1 or k % 2 == 0 for k in kernels):
            raise ValueError(
                f'{type(self).__name__}: `kernel_size` must be odd, one number or {len(channels)} numbers for '
                f'{len(hidden_channels)} hidden and the last convolution, got {kernel_size}.'
            )
        if maps_per_class < 1:
            raise ValueError(f'{type(self).__name__}: `maps_per_class` must be at least 1, got {maps_per_class}.')
        super().__init__(
            in_channels,
            channels[-1],
            num_classes=num_classes,
            dropout_ratio=0,
            loss_decode=loss_decode or dict(type='mmwsl.SoftmaxCrossEntropyLoss'),
            **kwargs,
        )
        paddings = [k // 2 if same_padding else 0 for k in kernels]
        self.convs = nn.Sequential()
        for i, channel in enumerate(hidden_channels):
            self.convs.append(
                ConvModule(
                    channels[i],
                    channel,
                    kernels[i],
                    padding=paddings[i],
                    conv_cfg=self.conv_cfg,
                    norm_cfg=self.norm_cfg,
                    act_cfg=self.act_cfg,
                )
            )
            self.convs.append(nn.Dropout(dropout_ratio))
        self.maps_per_class, self.same_padding = maps_per_class, same_padding
        self.conv_seg = nn.Conv2d(channels[-1], num_classes * maps_per_class, kernels[-1], padding=paddings[-1])
        self.aggregator = MODELS.build(aggregator or dict(type='mmwsl.LSEPooling'))
        self.background: Background = MODELS.build(background or dict(type='mmwsl.LearnedBackground'))
        for loss in self.score_map_losses:
            if loss.uses_softmax != isinstance(self.background, LearnedBackground):
                kind, other = ('softmax', 'Learned') if loss.uses_softmax else ('independent classes', 'Constant')
                raise ValueError(
                    f'{type(self).__name__}: `background` must be a {other}Background for the {kind} of '
                    f'{type(loss).__name__}, got {type(self.background).__name__}. Use '
                    f"dict(type='mmwsl.{other}Background')."
                )

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Score every location: feature maps of the backbone to ``seg_logits (N, K, H, W)``."""
        return class_wise_pool(self.cls_seg(self.convs(self._transform_inputs(inputs))), self.maps_per_class)

    def aggregate(
        self,
        seg_logits: Tensor,
        batch_img_metas: Sequence[dict],
        input_size: tuple[int, int],
        covered_size: tuple[int, int] | None = None,
    ) -> Tensor:
        """Aggregate score maps over the locations inside the images, without padding.

        Args:
            seg_logits: Score maps, ``(N, K, H, W)``.
            batch_img_metas: Meta information with the padding of each image, if any.
            input_size: Height and width of the padded images, in pixels.
            covered_size: Height and width in pixels that the score maps cover from the first pixel of the inputs.
                ``input_size`` if None.

        Returns:
            ``image_logits (N, K)``.
        """
        return self.aggregator(seg_logits, self.valid_locations(seg_logits, batch_img_metas, input_size, covered_size))

    def mean_scores(
        self,
        seg_logits: Tensor,
        batch_img_metas: Sequence[dict],
        input_size: tuple[int, int],
        covered_size: tuple[int, int] | None = None,
    ) -> Tensor:
        """Average score maps over the same locations as :meth:`aggregate`, with the same arguments, to ``(N, K)``."""
        return global_average_pool(
            seg_logits, self.valid_locations(seg_logits, batch_img_metas, input_size, covered_size)
        )

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: SampleList) -> dict[str, Tensor]:
        """Compute the losses against ``gt_label`` of the samples, and ``gt_sem_seg`` where a loss uses masks."""
        return self.compute_losses(seg_logits, self.valid_in_batch(seg_logits, batch_data_samples), batch_data_samples)

    def localize(self, inputs: Sequence[Tensor], seg_logits: Tensor, images: Tensor, valid: Tensor) -> Tensor:
        """Return the score maps that masks are made of, where they are not those that are aggregated.

        Args:
            inputs: Feature maps of the backbone.
            seg_logits: Score maps, ``(N, K, H, W)``.
            images: The normalized images.
            valid: Locations inside the images, boolean ``(N, H, W)``.

        Returns:
            Score maps, ``(N, K, H, W)``; here ``seg_logits``.
        """
        return seg_logits

    def compute_losses(self, seg_logits: Tensor, valid: Tensor, batch_data_samples: SampleList) -> dict[str, Tensor]:
        """Compute every loss over the ``valid (N, H, W)`` locations of ``seg_logits (N, K, H, W)``.

        Aggregation, background and losses are computed in float32, also where the network has mixed precision.
        """
        with torch.autocast(seg_logits.device.type, enabled=False):
            return self._losses(at_least_float32(seg_logits), valid, batch_data_samples)

    def _losses(self, seg_logits: Tensor, valid: Tensor, batch_data_samples: SampleList) -> dict[str, Tensor]:
        supervision = collect_supervision(
            batch_data_samples,
            self.num_classes,
            valid,
            use_masks=bool(self.score_map_losses),
            ignore_index=self.ignore_index,
        )
        inputs = {}
        for per_location in {isinstance(loss, ScoreMapLoss) for loss in self.losses}:
            labels = self.background.complete_labels(supervision.image_labels, per_location=per_location)
            logits = seg_logits if per_location else self.aggregator(seg_logits, valid)
            inputs[per_location] = logits, replace(supervision, image_labels=labels)
        values: dict[str, Tensor] = {}
        for loss in self.losses:
            value = loss(*inputs[isinstance(loss, ScoreMapLoss)])
            values[loss.loss_name] = values.get(loss.loss_name, 0) + value
        return values

    @property
    def losses(self) -> list[ImageLabelLoss | ScoreMapLoss]:
        """All losses, in the order of the config."""
        losses = self.loss_decode if isinstance(self.loss_decode, nn.ModuleList) else [self.loss_decode]
        return cast(list[ImageLabelLoss | ScoreMapLoss], list(losses))

    @property
    def score_map_losses(self) -> list[ScoreMapLoss]:
        """The losses that get the score map; the others get the aggregated scores."""
        return [loss for loss in self.losses if isinstance(loss, ScoreMapLoss)]

    def valid_in_batch(self, seg_logits: Tensor, batch_data_samples: SampleList) -> Tensor:
        """Return which locations ``(N, H, W)`` of score maps lie inside the images of a training batch."""
        metas = [sample.metainfo for sample in batch_data_samples]
        height, width = metas[0]['img_shape'][:2]
        left, right, top, bottom = image_padding(metas[0])
        return self.valid_locations(seg_logits, metas, (height + top + bottom, width + left + right))

    @staticmethod
    def valid_locations(
        seg_logits: Tensor,
        batch_img_metas: Sequence[dict],
        input_size: tuple[int, int],
        covered_size: tuple[int, int] | None = None,
    ) -> Tensor:
        """Return which locations ``(N, H, W)`` lie inside the images; the arguments are those of :meth:`aggregate`."""
        extents = []
        for meta in batch_img_metas:
            left, right, top, bottom = image_padding(meta)
            extents.append((top, input_size[0] - bottom, left, input_size[1] - right))
        height, width = seg_logits.shape[2:]
        return valid_locations(numbers_on(seg_logits.device, extents), covered_size or input_size, (height, width))
