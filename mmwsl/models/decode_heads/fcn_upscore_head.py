"""Head of FCN that interpolates by a fixed transposed convolution and crops to the image."""

from typing import Any

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor
from torch.nn import functional as F

from ...functional import bilinear_kernel
from ...registry import MODELS


@MODELS.register_module()
class FCNUpscoreHead(BaseDecodeHead):
    """Head of FCN-32s for a backbone that pads the image (Long et al., CVPR 2015, and the authors' networks).

    A 1x1 convolution, initially zero, scores the feature map. A transposed convolution with fixed bilinear weights
    enlarges the score map around the center pixel of each location, and a crop leaves the pixels of the image.
    :class:`mmwsl.models.FCNSkipHead` is for feature maps that cover the image exactly.

    The last output of the backbone must have the size of the image; its channels are not used.

    Args:
        in_channels: Channels of the feature map, the first output of the backbone.
        offset: First pixel of the crop: ``stride - 1`` minus the pixel of the first location's center. 18 for
            :class:`mmwsl.models.CaffeNet`, 98 for :class:`mmwsl.models.GoogLeNet`.
        stride: Stride of the feature map; the kernel has ``2 * stride - 1`` taps.
        init_cfg: Initialization.
        **kwargs: Passed to :class:`mmseg.models.decode_heads.decode_head.BaseDecodeHead`, without ``channels``.

    Raises:
        ValueError: If ``offset`` is negative; in ``forward``, if the enlarged score map does not cover the image.
    """

    def __init__(
        self, in_channels: int, *, offset: int, stride: int = 32, init_cfg: dict | None = None, **kwargs: Any
    ) -> None:
        if offset < 0:
            raise ValueError(f'FCNUpscoreHead: `offset` must be non-negative, got {offset}.')
        zero = dict(type='Constant', val=0, override=dict(name='conv_seg'))
        super().__init__(in_channels, in_channels, in_index=0, init_cfg=init_cfg or zero, **kwargs)
        self.offset, self.stride = offset, stride
        kernel = bilinear_kernel(stride, 2 * stride - 1).expand(self.out_channels, 1, -1, -1)
        self.register_buffer('kernel', kernel.clone(), persistent=False)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Score every pixel of the image, ``(N, K, H, W)``."""
        height, width = inputs[-1].shape[2:]
        scores = self.cls_seg(self._transform_inputs(inputs))
        scores = F.conv_transpose2d(scores, self.kernel, stride=self.stride, groups=self.out_channels)
        cropped = scores[..., self.offset : self.offset + height, self.offset : self.offset + width]
        if cropped.shape[2:] != (height, width):
            raise ValueError(
                f'FCNUpscoreHead: the enlarged score map must cover the crop at `offset` {self.offset} of {height} x '
                f'{width} pixels, got {scores.shape[2]} x {scores.shape[3]}. Set `padding` of the backbone to 100.'
            )
        return cropped
