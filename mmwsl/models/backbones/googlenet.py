"""GoogLeNet as a fully convolutional network."""

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from ...registry import MODELS
from .pretrained import load_layers

# Channels of each inception module: 1x1; before and of the 3x3; before and of the 5x5; after the pooling.
MODULES = {
    '3a': (64, 96, 128, 16, 32, 32),
    '3b': (128, 128, 192, 32, 96, 64),
    '4a': (192, 96, 208, 16, 48, 64),
    '4b': (160, 112, 224, 24, 64, 64),
    '4c': (128, 128, 256, 24, 64, 64),
    '4d': (112, 144, 288, 32, 64, 64),
    '4e': (256, 160, 320, 32, 128, 128),
    '5a': (256, 160, 320, 32, 128, 128),
    '5b': (384, 192, 384, 48, 128, 128),
}
LAST = ('3b', '4e')  # modules that a pooling follows


class Inception(nn.Module):
    """Four parallel branches, concatenated (Szegedy et al., CVPR 2015, Fig. 2b)."""

    def __init__(self, before: int, widths: list[int]) -> None:
        super().__init__()
        single, reduce3, width3, reduce5, width5, pooled = widths
        self.branch1 = _conv(before, single, 1)
        self.branch3 = nn.Sequential(_conv(before, reduce3, 1), _conv(reduce3, width3, 3))
        self.branch5 = nn.Sequential(_conv(before, reduce5, 1), _conv(reduce5, width5, 5))
        self.branch_pool = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), _conv(before, pooled, 1))
        self.out_channels = single + width3 + width5 + pooled

    def forward(self, x: Tensor) -> Tensor:
        """Concatenate the branches."""
        return torch.cat([self.branch1(x), self.branch3(x), self.branch5(x), self.branch_pool(x)], dim=1)


@MODELS.register_module()
class GoogLeNet(BaseModule):
    """GoogLeNet (Szegedy et al., CVPR 2015) up to its last inception module, 1024 channels at stride 32.

    Unlike torchvision's ``googlenet``, it has 5x5 convolutions and local response normalization, no batch
    normalization. The average pooling and the auxiliary classifiers are left out. As in
    :class:`mmwsl.models.CaffeNet`, the image is padded by 100 pixels and poolings round up: the first location is
    centered at pixel -67. The receptive field is 715 pixels.

    Args:
        width: Factor of all channels.
        padding: Pixels of zeros on each side of the image.
        dropout_ratio: Dropout of the feature map.
        init_cfg: Initialization; ``dict(type='Pretrained', checkpoint=...)`` reads the names of this class.
    """

    def __init__(
        self, width: float = 1.0, padding: int = 100, dropout_ratio: float = 0.4, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d'))
        stem = [max(round(width * channels), 1) for channels in (64, 192)]
        self.conv1 = nn.Sequential(nn.Conv2d(3, stem[0], 7, stride=2, padding=padding), nn.ReLU(inplace=True))
        self.conv2 = nn.Sequential(_conv(stem[0], stem[0], 1), _conv(stem[0], stem[1], 3))
        self.inception = nn.ModuleDict()
        before = stem[1]
        for name, widths in MODULES.items():
            module = Inception(before, [max(round(width * channels), 1) for channels in widths])
            self.inception[name], before = module, module.out_channels
        self.out_channels = before
        self.pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.norm = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)
        self.dropout = nn.Dropout(dropout_ratio)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Extract features of ``(N, 3, H, W)``.

        Returns:
            The feature map of the last module, and an empty map ``(N, 0, H, W)`` of the size of the image, for
            :class:`mmwsl.models.FCNUpscoreHead`.
        """
        size = x[:, :0]
        x = self.norm(self.pool(self.conv1(x)))
        x = self.pool(self.norm(self.conv2(x)))
        for name, module in self.inception.items():
            x = module(x)
            x = self.pool(x) if name in LAST else x
        return self.dropout(x), size

    def init_weights(self) -> None:
        """Initialize, or load a checkpoint; every key must fit.

        Raises:
            RuntimeError: If a key is missing or unexpected, or a shape differs.
            ValueError: If ``init_cfg`` has a checkpoint and anything else.
        """
        if not load_layers(self):
            super().init_weights()


def _conv(before: int, after: int, kernel_size: int) -> nn.Sequential:
    """Return a convolution that keeps the size, with ReLU."""
    return nn.Sequential(nn.Conv2d(before, after, kernel_size, padding=kernel_size // 2), nn.ReLU(inplace=True))
