"""ResNet with the cascaded dilated modules of DeepLab v3."""

from collections.abc import Sequence
from typing import Any, cast

from mmseg.models.backbones import ResNetV1c
from torch import Tensor, nn

from ...registry import MODELS


@MODELS.register_module()
class CascadedResNet(ResNetV1c):
    """ResNet with copies of its fourth block, of increasing dilation (Chen et al., DeepLab v3, 2017, Fig. 3).

    Blocks 1 to 4 are the stages of the parent; block 5 and later ones repeat block 4. Each of the blocks 2, 3, ...
    would double the stride, beginning at 8. From ``output_stride`` on, a block doubles the base rate instead of the
    stride: at stride 16 the base rates of the blocks 4 to 7 are 2, 4, 8, 16. Unit ``i`` of the blocks from 4 on has
    ``multi_grid[i]`` times the base rate of its block. (mmseg's option of this name replaces the dilation of the stage;
    here it multiplies.)

    The additional blocks start as copies of the units of block 4, with their own parameters. The first unit of block 4
    has half the input channels, so that the first unit of the other blocks is a copy of the second unit.

    Args:
        depth: Depth of the ResNet, without the additional blocks.
        num_blocks: Number of blocks, at least 4.
        output_stride: Stride of the output, a power of 2 from 4 to ``2 ** (num_blocks + 1)``.
        multi_grid: Rate of each unit of a block, relative to the rate of the block.
        **kwargs: Passed to ``ResNetV1c``, without ``strides``, ``dilations``, ``out_indices`` and
            ``contract_dilation``, which follow.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        depth: int,
        num_blocks: int = 7,
        output_stride: int = 16,
        multi_grid: Sequence[int] = (1, 2, 1),
        **kwargs: Any,
    ) -> None:
        if num_blocks < 4:
            raise ValueError(f'CascadedResNet: `num_blocks` must be at least 4, got {num_blocks}.')
        allowed = [2**power for power in range(2, num_blocks + 2)]
        if output_stride not in allowed:
            raise ValueError(f'CascadedResNet: `output_stride` must be one of {allowed}, got {output_stride}.')
        units = self.arch_settings[depth][1][3]
        if len(multi_grid) != units or min(multi_grid) < 1:
            raise ValueError(
                f'CascadedResNet: `multi_grid` must have a positive rate for each of the {units} units of a block of '
                f'depth {depth}, got {tuple(multi_grid)}.'
            )
        nominal = [2 ** (block + 1) for block in range(1, num_blocks + 1)]
        rates = [max(stride // output_stride, 1) for stride in nominal]
        strides = [1, *(1 if stride > output_stride else 2 for stride in nominal[1:])]
        super().__init__(
            depth=depth,
            strides=strides[:4],
            dilations=rates[:4],
            out_indices=(3,),
            multi_grid=[rates[3] * rate for rate in multi_grid],
            **kwargs,
        )
        shared = {key: kwargs[key] for key in ('style', 'with_cp', 'conv_cfg') if key in kwargs}
        self.cascade = nn.ModuleList(
            self.make_res_layer(
                block=self.block,
                inplanes=self.feat_dim,
                planes=8 * self.base_channels,
                num_blocks=units,
                stride=stride,
                dilation=rate,
                avg_down=self.avg_down,
                norm_cfg=self.norm_cfg,
                multi_grid=[rate * unit for unit in multi_grid],
                **shared,
            )
            for stride, rate in zip(strides[4:], rates[4:], strict=True)
        )

    def init_weights(self) -> None:
        """Initialize or load the blocks 1 to 4, and copy the fourth block."""
        super().init_weights()
        units = list(self.layer4)[1:]
        for block in self.cascade:
            for target, source in zip(cast(nn.Sequential, block), [units[0], *units], strict=True):
                # A unit that halves the size also has a projection, which no unit of block 4 but the first has.
                target.load_state_dict(source.state_dict(), strict=target.downsample is None)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Extract features: ``(N, 3, H, W)`` to the feature map of the last block."""
        (x,) = super().forward(x)
        for block in self.cascade:
            x = block(x)
        return (x,)
