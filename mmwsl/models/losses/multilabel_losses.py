"""Losses of image logits for many classes, few of them present."""

from abc import abstractmethod
from typing import Any

from torch import Tensor

from ...functional import asymmetric_loss, average_precision_loss, sigmoid_focal_loss
from ...registry import MODELS
from .image_label_losses import ImageLabelLoss


class _IndependentLabelLoss(ImageLabelLoss):
    """Base class of the weighted averages over the known labels of the batch."""

    def image_loss(self, image_logits: Tensor, image_labels: Tensor, weights: Tensor) -> Tensor:
        """Compute the scalar loss."""
        known = (image_labels >= 0).to(image_logits)
        losses = weights * self.label_losses(image_logits, image_labels)
        return (known * losses).sum() / known.sum().clamp(min=1)

    @abstractmethod
    def label_losses(self, image_logits: Tensor, image_labels: Tensor) -> Tensor:
        """Compute the loss of each label, ``(N, K)``."""


# mmseg has a FocalLoss of its own, of pixels.
@MODELS.register_module()
class MultiLabelFocalLoss(_IndependentLabelLoss):
    """Focal loss of the image-level labels; see :func:`mmwsl.functional.sigmoid_focal_loss`.

    Args:
        gamma: Focus on the labels that are predicted wrongly, non-negative.
        alpha: Weight of the present labels, in [0, 1]; present and absent labels weigh 1 if None.
        **kwargs: Passed to :class:`ImageLabelLoss`.
    """

    def __init__(self, gamma: float = 2.0, alpha: float | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gamma, self.alpha = gamma, alpha

    def label_losses(self, image_logits: Tensor, image_labels: Tensor) -> Tensor:
        """Compute the loss of each label, ``(N, K)``."""
        return sigmoid_focal_loss(image_logits, image_labels, self.gamma, self.alpha)


@MODELS.register_module()
class AsymmetricLoss(_IndependentLabelLoss):
    """Asymmetric loss of the image-level labels; see :func:`mmwsl.functional.asymmetric_loss`.

    The authors sum over labels; here, as in :class:`MultiLabelSoftMarginLoss`, the known labels are averaged.

    Args:
        gamma_pos: Focus on the present labels, non-negative.
        gamma_neg: Focus on the absent labels, non-negative.
        clip: Probability up to which an absent label has no loss, in [0, 1).
        **kwargs: Passed to :class:`ImageLabelLoss`.
    """

    def __init__(self, gamma_pos: float = 0.0, gamma_neg: float = 4.0, clip: float = 0.05, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gamma_pos, self.gamma_neg, self.clip = gamma_pos, gamma_neg, clip

    def label_losses(self, image_logits: Tensor, image_labels: Tensor) -> Tensor:
        """Compute the loss of each label, ``(N, K)``."""
        return asymmetric_loss(image_logits, image_labels, self.gamma_pos, self.gamma_neg, self.clip)


@MODELS.register_module()
class AveragePrecisionLoss(ImageLabelLoss):
    """Ranking loss of WELDON, averaged over classes; see :func:`mmwsl.functional.average_precision_loss`.

    Each class ranks the images of a batch, so batches must be large, at least 8 images. A class counts only if it is
    present in some images of the batch and absent in others. In distributed training each process ranks its own
    images.
    """

    def image_loss(self, image_logits: Tensor, image_labels: Tensor, weights: Tensor) -> Tensor:
        """Compute the scalar loss."""
        ranked = (image_labels == 1).any(0) & (image_labels == 0).any(0)
        losses = weights * average_precision_loss(image_logits, image_labels)
        return losses.sum() / ranked.sum().clamp(min=1)
