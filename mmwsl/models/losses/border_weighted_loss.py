"""The pixel-weighted cross entropy of U-Net."""

from typing import Any

import torch
from mmseg.models.losses import CrossEntropyLoss
from skimage.measure import label as connected_components
from torch import Tensor

from ...functional import border_weights, class_frequency_weights
from ...registry import MODELS


@MODELS.register_module()
class BorderWeightedCrossEntropyLoss(CrossEntropyLoss):
    r"""Cross entropy with the pixel weights of U-Net (Ronneberger et al., MICCAI 2015, Eq. 1 and 2).

    The weight of a pixel is :math:`w_c + w_0 \exp(-(d_1 + d_2)^2 / 2 \sigma^2)`, see
    :func:`mmwsl.functional.class_frequency_weights` and :func:`mmwsl.functional.border_weights`. The instances are the
    connected components of each class, because masks of classes have no instances: two touching objects of one class
    are one instance here. The loss is the sum over pixels divided by the number of valid pixels.

    Args:
        border_weight: :math:`w_0`; 0 leaves the class weights only.
        sigma: :math:`\sigma` in pixels.
        balanced: Whether :math:`w_c` balances the classes of each image, else it is 1.
        **kwargs: Passed to :class:`mmseg.models.losses.CrossEntropyLoss`, without ``use_sigmoid`` and ``use_mask``.
    """

    def __init__(self, border_weight: float = 10.0, sigma: float = 5.0, balanced: bool = True, **kwargs: Any) -> None:
        super().__init__(avg_non_ignore=True, **kwargs)
        self.border_weight, self.sigma, self.balanced = border_weight, sigma, balanced

    def pixel_weights(self, labels: Tensor, ignore_index: int) -> Tensor:
        """Weight the pixels of one mask on the host, ``(H, W)``; ignored pixels have the weight 0."""
        valid = labels != ignore_index
        components = connected_components(labels.masked_fill(~valid, -1).numpy(), background=0)
        instances = torch.from_numpy(components).masked_fill_(~valid, -1)
        weights = border_weights(instances, self.border_weight, self.sigma)
        return weights + (class_frequency_weights(labels, ignore_index) if self.balanced else valid)

    def forward(
        self, cls_score: Tensor, label: Tensor, weight: Tensor | None = None, ignore_index: int = -100, **kwargs: Any
    ) -> Tensor:
        """Return the loss of logits ``(N, K, H, W)`` and classes ``(N, H, W)``; ``weight`` multiplies the weights."""
        # On the host, in one copy: weights of instances read from their device once or more per instance.
        weights = torch.stack([self.pixel_weights(labels, ignore_index) for labels in label.cpu()]).to(label.device)
        weights = weights if weight is None else weights * weight
        return super().forward(cls_score, label, weight=weights, ignore_index=ignore_index, **kwargs)
