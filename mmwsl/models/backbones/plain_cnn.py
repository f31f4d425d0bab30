"""A plain stack of convolutions, for small images and a small receptive field."""

from collections.abc import Sequence

from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from ...registry import MODELS


@MODELS.register_module()
class PlainCNN(BaseModule):
    """3x3 convolutions, each with normalization and ReLU, with optional 3x3 max-pooling.

    A network trained on image-level labels activates wherever an object lies in its receptive field. Here a config can
    keep the receptive field small.

    Args:
        channels: Channels of each convolution.
        strides: Stride of each convolution. All 1 if None.
        pools: Stride of the max-pooling after each convolution, 0 for no pooling. All 0 if None.
        in_channels: Channels of the input.
        norm_cfg: Config of the normalization.
        init_cfg: Initialization.

    Raises:
        ValueError: If ``channels`` is empty, or ``strides`` or ``pools`` do not have one value for each convolution.
    """

    def __init__(
        self,
        channels: Sequence[int],
        strides: Sequence[int] | None = None,
        pools: Sequence[int] | None = None,
        in_channels: int = 3,
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        strides = [1] * len(channels) if strides is None else strides
        pools = [0] * len(channels) if pools is None else pools
        if not len(channels) == len(strides) == len(pools) > 0:
            raise ValueError(
                'PlainCNN: `channels`, `strides` and `pools` must have one value for each convolution, got '
                f'{channels}, {strides} and {pools}.'
            )
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d'))
        self.layers = nn.Sequential()
        for channel, stride, pool in zip(channels, strides, pools, strict=True):
            self.layers.append(
                ConvModule(in_channels, channel, 3, stride=stride, padding=1, norm_cfg=norm_cfg or dict(type='BN'))
            )
            if pool:
                self.layers.append(nn.MaxPool2d(3, stride=pool, padding=1))
            in_channels = channel

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Extract features: ``(N, C, H, W)`` to the feature map of the last convolution."""
        return (self.layers(x),)
