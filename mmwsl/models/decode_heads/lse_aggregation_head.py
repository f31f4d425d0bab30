"""The segmentation network and aggregation layer of Pinheiro & Collobert."""

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.utils import SampleList
from torch import Tensor, nn

from ...functional import class_wise_pool, global_average_pool, valid_locations
from ...registry import MODELS
from ..backgrounds import LearnedBackground
from .supervision import cell_masks, image_labels, size_labels


@MODELS.register_module()
class LSEAggregationHead(BaseDecodeHead):
    """Pixel scores trained through their aggregate (Pinheiro & Collobert, CVPR 2015).

    Unlike its parent it needs no mask: an aggregator turns the score map into one score per class, which the
    image-level label supervises. Prediction leaves the aggregator away. Use mmseg's ``FCNHead`` where masks are at
    hand.

    The scores come from ``len(hidden_channels)`` convolutions, each with ReLU and dropout, and one plain
    convolution. The defaults are the paper's network, 3x3 and 1024-768-512-K, save for the padding.

    Args:
        in_channels: Channels of the backbone's feature map, or of several with ``input_transform='resize_concat'``.
        num_classes: Classes K, background included.
        hidden_channels: Channels of the hidden convolutions; empty for one convolution only.
        kernel_size: Size of the kernels, one number or one for each convolution, the last included.
        same_padding: Pad with zeros, so that the score map has the size of the feature map. Without, as in the paper,
            prediction needs ``test_cfg.border``, see :class:`mmwsl.models.WeakEncoderDecoder`.
        aggregator: Config of the aggregator, e.g. ``dict(type='mmwsl.LSEPooling', r=5.)``.
        background: Config of the background model.
        loss_decode: Config of the loss, or several: of image logits and image labels, or, for
            :class:`mmwsl.models.losses.ScoreMapLoss`, of score maps with tags and masks.
        dropout_ratio: Dropout after each hidden convolution.
        maps_per_class: Maps M that the last convolution computes for each class, averaged to its score (WILDCAT, Durand
            et al., CVPR 2017); see :func:`mmwsl.functional.class_wise_pool`.
        **kwargs: Of :class:`mmseg.models.decode_heads.decode_head.BaseDecodeHead`.

    Raises:
        ValueError: If ``kernel_size`` does not have one value for each convolution or holds an even one, or
            ``maps_per_class`` is less than 1.
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
        **kwargs,
    ) -> None:
        channels = [in_channels if isinstance(in_channels, int) else sum(in_channels), *hidden_channels]
        kernels = [kernel_size] * len(channels) if isinstance(kernel_size, int) else list(kernel_size)
        if len(kernels) != len(channels) or any(k < 1 or k % 2 == 0 for k in kernels):
            raise ValueError(
                f'`kernel_size` must be odd, one number or {len(channels)} of them for '
                f'{len(hidden_channels)} hidden and the last convolution, got {kernel_size}'
            )
        if maps_per_class < 1:
            raise ValueError(f'`maps_per_class` must be at least 1, got {maps_per_class}')
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
        self.maps_per_class = maps_per_class
        self.conv_seg = nn.Conv2d(channels[-1], num_classes * maps_per_class, kernels[-1], padding=paddings[-1])
        self.aggregator = MODELS.build(aggregator or dict(type='mmwsl.LSEPooling'))
        self.background = MODELS.build(background or dict(type='mmwsl.LearnedBackground'))
        if self._map_losses() and not isinstance(self.background, LearnedBackground):
            raise ValueError(
                f'{type(self._map_losses()[0]).__name__} trains a softmax over classes, background among '
                f'them, but `background` is {type(self.background).__name__}: use '
                "dict(type='mmwsl.LearnedBackground')"
            )

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Score every cell: feature maps of the backbone to ``seg_logits (N, K, H, W)``."""
        return class_wise_pool(self.cls_seg(self.convs(self._transform_inputs(inputs))), self.maps_per_class)

    def aggregate(
        self,
        seg_logits: Tensor,
        batch_img_metas: Sequence[dict],
        size: tuple[int, int],
        canvas: tuple[int, int] | None = None,
    ) -> Tensor:
        """Aggregate score maps over the images' own area, without padding.

        Args:
            seg_logits: Score maps, ``(N, K, H, W)``.
            batch_img_metas: Meta information with the padding of each image, if any.
            size: Height and width of the padded inputs, in pixels.
            canvas: Height and width that the maps cover from the inputs' first pixel, if not ``size``.

        Returns:
            ``image_logits (N, K)``.
        """
        return self.aggregator(seg_logits, self._valid(seg_logits, batch_img_metas, size, canvas))

    def mean_scores(
        self,
        seg_logits: Tensor,
        batch_img_metas: Sequence[dict],
        size: tuple[int, int],
        canvas: tuple[int, int] | None = None,
    ) -> Tensor:
        """Average score maps over the same cells as :meth:`aggregate`, of the same arguments, to ``(N, K)``."""
        return global_average_pool(seg_logits, self._valid(seg_logits, batch_img_metas, size, canvas))

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: SampleList) -> dict[str, Tensor]:
        """Compute the losses against ``gt_label.score`` of the samples, and ``gt_sem_seg`` where a loss uses masks."""
        metas = [sample.metainfo for sample in batch_data_samples]
        height, width = metas[0]['img_shape'][:2]
        left, right, top, bottom = metas[0]['padding_size']
        valid = self._valid(seg_logits, metas, (height + top + bottom, width + left + right))
        map_losses = self._map_losses()
        labels = image_labels(batch_data_samples, self.num_classes, masks_suffice=bool(map_losses))
        inputs = {}
        if len(map_losses) < len(self._losses()):
            inputs['image'] = self.aggregator(seg_logits, valid), labels
        if map_losses:
            masks = cell_masks(batch_data_samples, seg_logits.shape[2:], self.ignore_index)
            inputs['map'] = seg_logits, labels, valid, masks, size_labels(batch_data_samples, labels)
        losses = {}
        for loss in self._losses():
            value = loss(*inputs[getattr(loss, 'level', 'image')])
            losses[loss.loss_name] = losses.get(loss.loss_name, 0) + value
        return losses

    def _losses(self) -> list[nn.Module]:
        return list(self.loss_decode) if isinstance(self.loss_decode, nn.ModuleList) else [self.loss_decode]

    def _map_losses(self) -> list[nn.Module]:
        return [loss for loss in self._losses() if getattr(loss, 'level', 'image') == 'map']

    @staticmethod
    def _valid(
        seg_logits: Tensor,
        batch_img_metas: Sequence[dict],
        size: tuple[int, int],
        canvas: tuple[int, int] | None = None,
    ) -> Tensor:
        extents = []
        for meta in batch_img_metas:  # mmseg writes `img_padding_size` in testing, `padding_size` in training
            left, right, top, bottom = meta.get('img_padding_size', meta.get('padding_size', (0, 0, 0, 0)))
            extents.append((top, size[0] - bottom, left, size[1] - right))
        extents = torch.tensor(extents, device=seg_logits.device)
        return valid_locations(extents, canvas or size, seg_logits.shape[2:])
