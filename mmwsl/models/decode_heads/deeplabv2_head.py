"""Head with the summed dilated branches of DeepLab v1 and v2."""

from collections.abc import Sequence
from typing import Any

from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from ...registry import MODELS


@MODELS.register_module()
class DeepLabV2Head(BaseDecodeHead):
    r"""Head that sums dilated branches, :math:`s = \sum_b f_b(x_b)` (Chen et al., PAMI 2018, Fig. 7).

    mmseg's ``ASPPHead`` is the head of DeepLab v3, which concatenates its branches. Three uses:

    - DeepLab v2 on ResNet: each branch is one dilated convolution from the features to the scores;
    - DeepLab v2 on VGG-16: the backbone, :class:`mmwsl.models.VGG16`, has the dilated ``fc6`` and ``fc7`` of each
      branch and returns a feature map per branch; ``in_index`` lists these maps, ``kernel_size=1`` scores them;
    - ``hidden=True``: the dilated convolution goes to ``channels`` features with ReLU, a 1x1 convolution scores them.

    DeepLab v1 LargeFOV is one branch.

    Args:
        in_channels: Channels of the feature map, or one value per branch.
        dilations: Dilation of each branch's convolution.
        kernel_size: Kernel of each branch's convolution.
        hidden: Whether a branch has a hidden layer.
        in_index: Index of the feature map, or one index per branch.
        **kwargs: Passed to :class:`mmseg.models.decode_heads.decode_head.BaseDecodeHead`.

    Raises:
        ValueError: If there is no branch, or ``in_channels`` or ``in_index`` does not have one value per branch.
    """

    def __init__(
        self,
        in_channels: int | Sequence[int],
        *,
        dilations: Sequence[int] = (6, 12, 18, 24),
        kernel_size: int = 3,
        hidden: bool = False,
        in_index: int | Sequence[int] = -1,
        **kwargs: Any,
    ) -> None:
        count = len(dilations)
        in_channels = (in_channels,) * count if isinstance(in_channels, int) else tuple(in_channels)
        in_index = (in_index,) * count if isinstance(in_index, int) else tuple(in_index)
        if not count == len(in_channels) == len(in_index) > 0:
            raise ValueError(
                'DeepLabV2Head: `dilations`, `in_channels` and `in_index` must have one value for each branch, got '
                f'{tuple(dilations)}, {in_channels} and {in_index}.'
            )
        super().__init__(in_channels, in_index=in_index, input_transform='multiple_select', **kwargs)
        self.conv_seg = nn.ModuleList()
        self.convs = nn.ModuleList()
        for channels, dilation in zip(in_channels, dilations, strict=True):
            padding = kernel_size // 2 * dilation
            if hidden:
                self.convs.append(
                    ConvModule(
                        channels,
                        self.channels,
                        kernel_size,
                        padding=padding,
                        dilation=dilation,
                        conv_cfg=self.conv_cfg,
                        norm_cfg=self.norm_cfg,
                        act_cfg=self.act_cfg,
                    )
                )
                self.conv_seg.append(nn.Conv2d(self.channels, self.out_channels, 1))
            else:
                self.convs.append(nn.Identity())
                self.conv_seg.append(
                    nn.Conv2d(channels, self.out_channels, kernel_size, padding=padding, dilation=dilation)
                )

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Score the locations of the feature maps, ``(N, K, h, w)``."""
        dropout = self.dropout or nn.Identity()
        branches = zip(self._transform_inputs(inputs), self.convs, self.conv_seg, strict=True)
        return sum(score(dropout(conv(x))) for x, conv, score in branches)
