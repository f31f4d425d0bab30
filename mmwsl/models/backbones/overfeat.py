"""The slow ("accurate") network of OverFeat, up to its sixth convolution."""

import warnings

from mmengine.model import BaseModule
from torch import Tensor, nn

from ...registry import MODELS


@MODELS.register_module()
class OverFeat(BaseModule):
    """Six convolutions and two poolings, 3 x 400 x 400 to 1024 x 29 x 29 (Sermanet et al., ICLR 2014, Table 3).

    The stride is 12. The first two convolutions do not pad, so the first cell is centered at pixel 26 and the map
    covers the image less a border. The trunk of Pinheiro & Collobert (CVPR 2015), who freeze all of it.

    Args:
        frozen_stages: The first so many convolutions are not trained, 0 to 6.
        init_cfg: Initialization, e.g. ``dict(type='Pretrained', checkpoint=...)``.
    """

    def __init__(self, frozen_stages: int = 0, init_cfg: dict | None = None) -> None:
        if frozen_stages not in range(7):
            raise ValueError(f'`frozen_stages` must be 0 to 6, the number of frozen convolutions, got {frozen_stages}')
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
                f'{self.frozen_stages} convolutions of OverFeat are frozen at random weights. Give trained '
                "ones, backbone.init_cfg=dict(type='Pretrained', checkpoint=...), or load_from, or set "
                'backbone.frozen_stages=0.',
                stacklevel=2,
            )

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Extract features: ``(N, 3, H, W)`` to one map ``(N, 1024, h, w)`` at stride 12."""
        x = self.pool1(self.relu(self.conv1(x)))
        x = self.pool2(self.relu(self.conv2(x)))
        for conv in (self.conv3, self.conv4, self.conv5, self.conv6):
            x = self.relu(conv(x))
        return (x,)
