"""Contrast of features by online labels."""

from torch import Tensor, nn

from ...functional import patch_token_contrast
from ...registry import MODELS


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
