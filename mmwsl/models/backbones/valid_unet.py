"""U-Net with convolutions that do not pad."""

from itertools import pairwise

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from ...functional import mirrored_positions
from ...registry import MODELS

CONTEXT = 92  # pixels on each side that the valid convolutions of five resolutions take away


@MODELS.register_module()
class ValidUNet(BaseModule):
    """U-Net as published (Ronneberger et al., MICCAI 2015, Fig. 1); mmseg's ``UNet`` pads and normalizes.

    Five resolutions of two 3x3 convolutions, 2x2 poolings down, 2x2 transposed convolutions up, and feature maps of the
    way down, cropped and concatenated. An input of 572 x 572 pixels gives 388 x 388: :meth:`valid_features`.
    ``forward`` mirrors the image at its border, by 92 pixels and up to a legal size, and returns a feature map of the
    size of the image.

    Args:
        base_channels: Channels of the first resolution; they double with each of the others.
        dropout_ratio: Dropout at the two lowest resolutions, the end of the contracting path.
        init_cfg: Initialization, by default normal with the standard deviation sqrt(2 / fan-in).
    """

    def __init__(self, base_channels: int = 64, dropout_ratio: float = 0.5, init_cfg: dict | None = None) -> None:
        super().__init__(
            init_cfg or dict(type='Kaiming', layer=['Conv2d', 'ConvTranspose2d'], mode='fan_in', distribution='normal')
        )
        channels = [base_channels * 2**level for level in range(5)]
        self.down = nn.ModuleList(_pair(before, after) for before, after in pairwise([3, *channels]))
        self.raise_ = nn.ModuleList(nn.ConvTranspose2d(2 * width, width, 2, stride=2) for width in channels[3::-1])
        self.up = nn.ModuleList(_pair(2 * width, width) for width in channels[3::-1])
        self.dropout = nn.Dropout(dropout_ratio)

    def valid_features(self, x: Tensor) -> Tensor:
        """Extract features of ``(N, 3, H, W)``, ``(N, base_channels, H - 184, W - 184)``.

        Raises:
            ValueError: If a side is less than 188 pixels or not 12 more than a multiple of 16.
        """
        if any(side < 2 * CONTEXT + 4 or side % 16 != 12 for side in x.shape[2:]):
            raise ValueError(
                'ValidUNet: sides of `x` must be at least 188 pixels and 12 more than a multiple of 16, got '
                f'{x.shape[2]} x {x.shape[3]}.'
            )
        skips: list[Tensor] = []
        for level, pair in enumerate(self.down):
            x = pair(F.max_pool2d(x, 2) if level else x)
            x = self.dropout(x) if level >= 3 else x
            skips.append(x)
        for upsample, pair, skip in zip(self.raise_, self.up, skips[3::-1], strict=True):
            x = upsample(x)
            top, left = ((outer - inner) // 2 for outer, inner in zip(skip.shape[2:], x.shape[2:], strict=True))
            x = pair(torch.cat([skip[..., top : top + x.shape[2], left : left + x.shape[3]], x], dim=1))
        return x

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Extract features: ``(N, 3, H, W)`` to one feature map ``(N, base_channels, H, W)``."""
        height, width = x.shape[2:]
        rows, columns = (
            mirrored_positions(-CONTEXT, side + 2 * CONTEXT + (4 - side) % 16, side, x.device)
            for side in (height, width)
        )
        return (self.valid_features(x[:, :, rows[:, None], columns])[..., :height, :width],)


def _pair(before: int, after: int) -> nn.Sequential:
    """Return two convolutions with ReLU."""
    first, second = nn.Conv2d(before, after, 3), nn.Conv2d(after, after, 3)
    return nn.Sequential(first, nn.ReLU(inplace=True), second, nn.ReLU(inplace=True))
