"""Contrasts of features by online labels."""

import torch
from mmengine.model import ExponentialMovingAverage
from torch import Tensor, nn
from torch.nn import functional as F

from ...functional import crop_token_contrast, patch_token_contrast
from ...registry import MODELS
from ...utils.text import check_integer


@MODELS.register_module()
class PatchTokenContrastLoss(nn.Module):
    """Contrast of the features at the locations of an image; see :func:`mmwsl.functional.patch_token_contrast`.

    Args:
        in_index: Index of the feature map of the backbone, or of the neck if there is one.
        loss_weight: Factor of the loss. ToCo uses 0.2.
        loss_name: Key in the log; it must contain ``loss`` to be trained.
    """

    def __init__(self, in_index: int = -1, loss_weight: float = 0.2, loss_name: str = 'loss_contrast') -> None:
        super().__init__()
        self.in_index, self.loss_weight, self.loss_name = in_index, loss_weight, loss_name

    def forward(self, features: Tensor, labels: Tensor, ignore_index: int = 255) -> Tensor:
        """Return the loss of features ``(N, D, H, W)`` and their labels ``(N, H, W)``."""
        return self.loss_weight * patch_token_contrast(features, labels, ignore_index)


class _Projector(nn.Module):
    """Projection head of DINO: a perceptron of three layers, and cosines with normalized weights."""

    def __init__(self, *channels: int) -> None:
        super().__init__()
        first, hidden, inner, last = channels
        self.layers = nn.Sequential(
            nn.Linear(first, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, inner)
        )
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)
        self.weight = nn.Parameter(torch.randn(last, inner))

    def forward(self, tokens: Tensor) -> Tensor:
        """Project tokens ``(..., D)``."""
        return F.normalize(self.layers(tokens), dim=-1) @ F.normalize(self.weight, dim=1).T


@MODELS.register_module()
class CropTokenContrastLoss(nn.Module):
    """Contrast of the class tokens of crops; see :func:`mmwsl.functional.crop_token_contrast`.

    The class tokens are projected. The projections of whole views are those of a teacher, a moving average of the
    projection alone. Crops are drawn by :func:`mmwsl.functional.uncertain_crops`. The defaults are ToCo's.

    Args:
        in_channels: Channels of a class token.
        channels: Channels within the projection, before its last layer, and of its result.
        momentum: Weight of the new parameters in the moving average, in (0, 1).
        temperature: See :func:`mmwsl.functional.crop_token_contrast`.
        crops: Crops of an image.
        crop_size: Side of a crop in pixels, rounded to whole patches.
        threshold: See :func:`mmwsl.functional.uncertain_crops`; in [0, 2).
        loss_weight: Factor of the loss.
        loss_name: Key in the log; it must contain ``loss`` to be trained.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        in_channels: int,
        channels: tuple[int, int, int] = (2048, 256, 1024),
        momentum: float = 0.1,
        temperature: float = 0.5,
        crops: int = 8,
        crop_size: int = 96,
        threshold: float = 0.2,
        loss_weight: float = 0.5,
        loss_name: str = 'loss_crops',
    ) -> None:
        super().__init__()
        check_integer('crops', crops, 1)
        check_integer('crop_size', crop_size, 1)
        if not 0 < momentum < 1:
            raise ValueError(f'`crop_contrast.momentum` must be in (0, 1), got {momentum}.')
        if not 0 < temperature < float('inf'):
            raise ValueError(f'`crop_contrast.temperature` must be positive and finite, got {temperature}.')
        if not 0 <= threshold < 2:
            raise ValueError(f'`crop_contrast.threshold` must be in [0, 2), got {threshold}.')
        self.temperature, self.crops, self.crop_size, self.threshold = temperature, crops, crop_size, threshold
        self.loss_weight, self.loss_name = loss_weight, loss_name
        self.projector = _Projector(in_channels, *channels)
        self.teacher = ExponentialMovingAverage(self.projector, momentum)

    def forward(self, views: Tensor, crops: Tensor, shown: Tensor, positive: Tensor) -> Tensor:
        """Update the teacher, and return the loss.

        Args:
            views: Class tokens of whole views, ``(N, T, D)``.
            crops: Class tokens of crops, ``(N, V, D)``.
            shown: Images with a present class, whose views are positive, boolean ``(N,)``.
            positive: Crops on objects, boolean ``(N, V)``.
        """
        self.teacher.update_parameters(self.projector)
        with torch.no_grad():
            teachers = self.teacher(views)
        students = self.projector(torch.cat([views, crops], 1))
        chosen = torch.cat([shown[:, None].expand(views.shape[:2]), positive], 1)
        return self.loss_weight * crop_token_contrast(teachers, students, chosen, self.temperature)
