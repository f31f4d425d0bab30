"""AlexNet in the layout of CaffeNet, as a fully convolutional network."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from ...registry import MODELS
from .pretrained import load_layers


@MODELS.register_module()
class CaffeNet(BaseModule):
    """AlexNet (Krizhevsky et al., NIPS 2012) as FCN has it: Caffe's layout, ``fc6`` and ``fc7`` as convolutions.

    Unlike torchvision's ``alexnet``, it has 96 to 384 channels, two groups in ``conv2``, ``conv4`` and ``conv5``, and
    local response normalization, here after the pooling. The image is padded by 100 pixels of zeros, as in FCN (Long et
    al., CVPR 2015): without it, an image of less than 355 pixels gives no location. Poolings round up. The stride is
    32, the receptive field 355 pixels, and the first location is centered at pixel 13.

    ``init_cfg=dict(type='Pretrained', checkpoint=...)`` reads a state dict with the names of Caffe's layers, such as
    ``conv1.weight``; matrices of ``fc6`` and ``fc7`` are reshaped, ``fc8`` is ignored.

    Args:
        channels: Channels of the five convolutions.
        fc_channels: Channels of ``fc6`` and ``fc7``.
        padding: Pixels of zeros on each side of the image.
        dropout_ratio: Dropout after ``fc6`` and ``fc7``.
        init_cfg: Initialization.
    """

    def __init__(
        self,
        channels: Sequence[int] = (96, 256, 384, 384, 256),
        fc_channels: int = 4096,
        padding: int = 100,
        dropout_ratio: float = 0.5,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d'))
        first, second, third, fourth, fifth = channels
        self.conv1 = nn.Conv2d(3, first, 11, stride=4, padding=padding)
        self.conv2 = nn.Conv2d(first, second, 5, padding=2, groups=2)
        self.conv3 = nn.Conv2d(second, third, 3, padding=1)
        self.conv4 = nn.Conv2d(third, fourth, 3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(fourth, fifth, 3, padding=1, groups=2)
        self.fc6 = nn.Conv2d(fifth, fc_channels, 6)
        self.fc7 = nn.Conv2d(fc_channels, fc_channels, 1)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.norm = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)
        self.dropout = nn.Dropout(dropout_ratio)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Extract features of ``(N, 3, H, W)``.

        Returns:
            The feature map of ``fc7``, and an empty map ``(N, 0, H, W)`` of the size of the image, for
            :class:`mmwsl.models.FCNUpscoreHead`.
        """
        size = x[:, :0]
        x = self.norm(self.pool(self.relu(self.conv1(x))))
        x = self.norm(self.pool(self.relu(self.conv2(x))))
        for conv in (self.conv3, self.conv4, self.conv5):
            x = self.relu(conv(x))
        x = self.pool(x)
        for conv in (self.fc6, self.fc7):
            x = self.dropout(self.relu(conv(x)))
        return x, size

    def init_weights(self) -> None:
        """Initialize, or load a checkpoint; every key must fit.

        Raises:
            RuntimeError: If a key is missing or unexpected, or a shape differs.
            ValueError: If ``init_cfg`` has a checkpoint and anything else.
        """
        if not load_layers(self, ignored=('fc8',)):
            super().init_weights()
