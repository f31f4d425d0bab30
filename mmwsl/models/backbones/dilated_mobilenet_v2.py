"""MobileNetV2 whose dilated stages keep the features of the ImageNet weights."""

import re
from collections.abc import Mapping
from typing import Any

from mmcv.cnn import ConvModule
from mmseg.models.backbones import MobileNetV2
from mmseg.models.utils import InvertedResidual
from torch import Tensor, nn

from ...registry import MODELS
from .pretrained import pretrained_state_dict


@MODELS.register_module()
class DilatedMobileNetV2(MobileNetV2):
    """mmseg's ``MobileNetV2`` for pretrained features at a small stride.

    It differs in four points. First, in a dilated stage, whose stride is removed, the first block keeps the dilation of
    the previous stage and the other blocks have the new dilation (mmseg dilates the first block only). On the original
    grid the features then equal the features of the undilated network. Second, ``last_conv`` adds the 1x1 convolution
    to 1280 channels. Third, ``frozen`` freezes every layer, with batch normalization in evaluation mode. Fourth,
    ``init_cfg=dict(type='Pretrained', checkpoint=...)`` accepts torchvision's and mmseg's parameter names, and every
    key must fit.

    Args:
        output_stride: Stride of the last feature map: 8, 16 or 32.
        last_conv: Append the feature map of the last convolution, 1280 channels, to the outputs.
        frozen: Train no layer.
        **kwargs: Passed to :class:`mmseg.models.backbones.MobileNetV2`, without ``strides`` and ``dilations``.

    Raises:
        ValueError: If ``output_stride`` is not 8, 16 or 32.
    """

    in_channels: int
    layouts = {
        32: dict(strides=(1, 2, 2, 2, 1, 2, 1), dilations=(1, 1, 1, 1, 1, 1, 1)),
        16: dict(strides=(1, 2, 2, 2, 1, 1, 1), dilations=(1, 1, 1, 1, 1, 2, 2)),
        8: dict(strides=(1, 2, 2, 1, 1, 1, 1), dilations=(1, 1, 1, 2, 2, 4, 4)),
    }

    def __init__(self, output_stride: int = 16, last_conv: bool = False, frozen: bool = False, **kwargs: Any) -> None:
        if output_stride not in self.layouts:
            raise ValueError(
                f'DilatedMobileNetV2: `output_stride` must be one of {sorted(self.layouts)}, got {output_stride}.'
            )
        self._dilation = 1
        super().__init__(**self.layouts[output_stride], **kwargs)
        self.frozen = frozen
        if last_conv:
            self.conv2 = ConvModule(
                self.in_channels,
                int(1280 * max(1.0, self.widen_factor)),
                1,
                conv_cfg=self.conv_cfg,
                norm_cfg=self.norm_cfg,
                act_cfg=self.act_cfg,
            )
        if frozen:
            self.requires_grad_(False).train(False)

    def make_layer(
        self, out_channels: int, num_blocks: int, stride: int, dilation: int, expand_ratio: int
    ) -> nn.Sequential:
        """Stack the blocks of a stage; the first block precedes the removed stride and keeps the previous dilation."""
        blocks = []
        for i in range(num_blocks):
            blocks.append(
                InvertedResidual(
                    self.in_channels,
                    out_channels,
                    stride if i == 0 else 1,
                    expand_ratio,
                    dilation=self._dilation if i == 0 else dilation,
                    conv_cfg=self.conv_cfg,
                    norm_cfg=self.norm_cfg,
                    act_cfg=self.act_cfg,
                    with_cp=self.with_cp,
                )
            )
            self.in_channels = out_channels
        self._dilation = dilation
        return nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features: ``(N, 3, H, W)`` to the feature maps of ``out_indices`` and of ``last_conv``."""
        outs = super().forward(x)
        outs = outs if isinstance(outs, tuple) else (outs,)  # mmseg returns a single map bare
        return (*outs, self.conv2(outs[-1])) if hasattr(self, 'conv2') else outs

    def train(self, mode: bool = True) -> 'DilatedMobileNetV2':
        """Set the mode; a frozen network stays in evaluation mode."""
        super().train(mode and not self.frozen)
        return self

    def init_weights(self) -> None:
        """Initialize, or load a checkpoint; every key must fit.

        Raises:
            RuntimeError: If a key is missing or unexpected.
            ValueError: If ``init_cfg`` has a checkpoint and anything else.
        """
        checkpoint = pretrained_state_dict(self.init_cfg)
        if checkpoint is None:
            super().init_weights()
            return
        state_dict = from_torchvision(checkpoint)
        if not hasattr(self, 'conv2'):
            state_dict = {key: value for key, value in state_dict.items() if not key.startswith('conv2.')}
        self.load_state_dict(state_dict, strict=True)
        self._is_init = True


def from_torchvision(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the parameters of torchvision's ``mobilenet_v2`` to mmseg's names, without the classifier.

    Other names stay as they are.
    """
    renamed = {}
    for key, value in state_dict.items():
        if not key.startswith('classifier.'):
            renamed[_rename(key)] = value
    return renamed


def _rename(key: str) -> str:
    stem = re.fullmatch(r'features\.(0|18)\.(0|1)\.(\w+)', key)
    if stem:
        index, part, name = stem.groups()
        return f'conv{1 if index == "0" else 2}.{"conv" if part == "0" else "bn"}.{name}'
    block = re.fullmatch(r'features\.(\d+)\.conv\.([\d.]+)\.(\w+)', key)
    if not block:
        return key
    index, path, name = int(block[1]), block[2], block[3]
    layer, rest = 1, index - 1
    for _, _, num_blocks in MobileNetV2.arch_settings:
        if rest < num_blocks:
            break
        layer, rest = layer + 1, rest - num_blocks
    # torchvision nests (conv, bn, relu), except for the last convolution, whose conv and bn are not nested.
    if '.' in path:
        conv, part = path.split('.')
        part = 'conv' if part == '0' else 'bn'
    else:
        last = 1 if index == 1 else 2  # the first block has no expansion
        conv, part = last, 'conv' if int(path) == last else 'bn'
    return f'layer{layer}.{rest}.conv.{conv}.{part}.{name}'
