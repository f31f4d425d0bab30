"""The slow ("accurate") network of OverFeat, up to its sixth convolution."""

import warnings

from mmengine.model import BaseModule
from torch import Tensor, nn

from ...registry import MODELS


@MODELS.register_module()
class OverFeat(BaseModule):
    """OverFeat: six convolutions and two poolings (Sermanet et al., ICLR 2014, Table 3).

    An image of 3 x 400 x 400 gives a feature map of 1024 x 29 x 29.

    The stride is 12. The first two convolutions do not pad, so the first location is centered at pixel 26 and the
    feature map does not cover the image border. Pinheiro & Collobert (CVPR 2015) use this backbone, frozen.

    Args:
        frozen_stages: Number of first convolutions that are not trained, 0 to 6.
        init_cfg: Initialization, e.g. ``dict(type='Pretrained', checkpoint=...)``.

    Raises:
        ValueError: If ``frozen_stages`` is not in 0 to 6.
    """

    def __init__(self, frozen_stages: int = 0, init_cfg: dict | None = None) -> None:
        if frozen_stages not in range(7):
            raise ValueError(f'OverFeat: `frozen_stages` must be an integer from 0 to 6, got {frozen_stages}.')
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d'))
        self.conv1 = nn.Conv2d(3, 96, 7, stride=2)
        self.pool1 = nn.MaxPool2d(3, stride=3)
        self.conv2 = nn.Conv2d(96, 256, 7)
        self.pool2 = nn.MaxPool2d(2, stride=2)
        self.conv3 = nn.Conv2d(256, 512, 3, padding=1)
        self.conv4 = nn.Conv2d(512, 512, 3, padding=1)
        self.conv5 = nn.Conv2d(512, 1024, 3, padding=1)
        self.conv6 = nn.Conv2d(1024, 1024, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.frozen_stages = frozen_stages
        for i in range(1, frozen_stages + 1):
            getattr(self, f'conv{i}').requires_grad_(False)

    def init_weights(self) -> None:
        """Initialize; warn if convolutions are frozen at random weights."""
        super().init_weights()
        if self.frozen_stages and self.init_cfg['type'] != 'Pretrained':
            warnings.warn(
                f'OverFeat: {self.frozen_stages} convolutions are frozen at random weights. Set '
                "backbone.init_cfg=dict(type='Pretrained', checkpoint=...), load_from or backbone.frozen_stages=0.",
                stacklevel=2,
            )

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Extract features: ``(N, 3, H, W)`` to one feature map ``(N, 1024, h, w)`` at stride 12."""
        x = self.pool1(self.relu(self.conv1(x)))
        x = self.pool2(self.relu(self.conv2(x)))
        for conv in (self.conv3, self.conv4, self.conv5, self.conv6):
            x = self.relu(conv(x))
        return (x,)
