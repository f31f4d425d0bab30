"""Decoder of the deconvolution network: VGG-16 mirrored, with unpooling."""

from collections.abc import Sequence
from typing import Any

from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from ...registry import MODELS
from ..backbones.vgg16 import NUM_CONVS


@MODELS.register_module()
class DeconvNetHead(BaseDecodeHead):
    """Decoder of DeconvNet (Noh et al., ICCV 2015): five stages of unpooling and convolutions.

    It takes the outputs of :class:`mmwsl.models.VGG16` with ``fc_padding='valid'`` and ``return_pool_indices=True``. A
    transposed convolution inverts ``fc6``. Then, from the last stage to the first, unpooling puts every value at the
    location of its maximum and zero elsewhere, and as many 3x3 convolutions as the stage has make the map dense again.
    The paper calls them deconvolutions: with stride 1 the two are the same layer.

    With ``shortcuts``, a 1x1 convolution of the encoder's feature map of the stage, before its pooling, is added to the
    unpooled map. It starts at zero: the network begins as DeconvNet, whose checkpoints fit (``load_from``). The
    backbone then has ``out_indices=range(5)`` and ``before_pool=True``.

    Args:
        in_channels: Channels of ``fc7``.
        stages: Channels of the five stages of the encoder, first stage first.
        fc_kernel_size: Kernel of ``fc6``.
        shortcuts: Whether the feature maps of the encoder are added, the first five outputs of the backbone.
        norm_cfg: Normalization of every layer; without it a network of this depth does not train.
        in_index: Index of ``fc7`` among the outputs of the backbone, by default the output before the pool indices.
        **kwargs: Passed to :class:`mmseg.models.decode_heads.decode_head.BaseDecodeHead`, without ``channels``.

    Raises:
        ValueError: If ``stages`` does not have one value per stage.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        stages: Sequence[int] = (64, 128, 256, 512, 512),
        fc_kernel_size: int = 7,
        shortcuts: bool = False,
        norm_cfg: dict | None = None,
        in_index: int = -1 - len(NUM_CONVS),
        **kwargs: Any,
    ) -> None:
        if len(stages) != len(NUM_CONVS):
            raise ValueError(f'DeconvNetHead: `stages` must have {len(NUM_CONVS)} numbers of channels, got {stages}.')
        norm_cfg = norm_cfg or dict(type='BN')
        super().__init__(in_channels, stages[0], norm_cfg=norm_cfg, in_index=in_index, **kwargs)
        layer = dict(norm_cfg=self.norm_cfg, act_cfg=self.act_cfg)
        self.fc6 = ConvModule(in_channels, stages[-1], fc_kernel_size, conv_cfg=dict(type='deconv'), **layer)
        self.unpool = nn.MaxUnpool2d(2)
        self.stages = nn.ModuleList()
        for i in reversed(range(len(stages))):
            after = stages[max(i - 1, 0)]  # the last convolution of a stage has the channels of the next stage
            widths = [stages[i]] * NUM_CONVS[i] + [after]
            self.stages.append(
                nn.Sequential(
                    *(ConvModule(widths[j], widths[j + 1], 3, padding=1, **layer) for j in range(NUM_CONVS[i]))
                )
            )
        self.shortcuts = nn.ModuleList(nn.Conv2d(width, width, 1) for width in (reversed(stages) if shortcuts else ()))

    def init_weights(self) -> None:
        """Initialize; the shortcut connections add nothing at first."""
        super().init_weights()
        for parameter in self.shortcuts.parameters():
            nn.init.zeros_(parameter)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Score every pixel, ``(N, K, H, W)``."""
        x = self.fc6(self._transform_inputs(inputs))
        count = len(self.stages)
        for i, (pool_indices, stage) in enumerate(zip(reversed(inputs[-count:]), self.stages, strict=True)):
            x = self.unpool(x, pool_indices)
            if self.shortcuts:
                x = x + self.shortcuts[i](inputs[count - 1 - i])
            x = stage(x)
        return self.cls_seg(x)
