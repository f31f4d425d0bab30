"""Losses on image scores for many classes, few of them present."""

from torch import Tensor

from ...functional import asymmetric_loss, average_precision_loss, sigmoid_focal_loss
from ...registry import MODELS
from .image_label_losses import ImageLabelLoss


class _IndependentLabelLoss(ImageLabelLoss):
    """Weighted average over the known labels of the batch."""

    def forward(self, image_logits: Tensor, image_labels: Tensor) -> Tensor:
        """Return the scalar loss of ``image_logits (N, K)`` and ``image_labels (N, K)``."""
        weights = self._weights(image_logits, image_labels)
        known = (image_labels >= 0).to(image_logits)
        losses = weights * self._losses(image_logits, image_labels)
        return self.loss_weight * (known * losses).sum() / known.sum().clamp(min=1)


# mmseg has a FocalLoss of its own, of pixels.
@MODELS.register_module()
class MultiLabelFocalLoss(_IndependentLabelLoss):
    """Focal loss of the tags; see :func:`mmwsl.functional.sigmoid_focal_loss`.

    Args:
        gamma: Focus on the labels that are wrong, not negative.
        alpha: Weight of the labels present, in [0, 1]; both kinds weigh 1 if None.
        **kwargs: ``class_weight``, ``loss_weight`` and ``loss_name`` as in :class:`MultiLabelSoftMarginLoss`.
    """

    def __init__(self, gamma: float = 2.0, alpha: float | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.gamma, self.alpha = gamma, alpha

    def _losses(self, image_logits: Tensor, image_labels: Tensor) -> Tensor:
        return sigmoid_focal_loss(image_logits, image_labels, self.gamma, self.alpha)


@MODELS.register_module()
class AsymmetricLoss(_IndependentLabelLoss):
    """Asymmetric loss of the tags; see :func:`mmwsl.functional.asymmetric_loss`.

    The authors sum over labels; here, as in :class:`MultiLabelSoftMarginLoss`, the known labels are averaged.

    Args:
        gamma_pos: Focus on the labels present, not negative.
        gamma_neg: Focus on the labels absent, not negative.
        clip: Probability up to which an absent label counts nothing, in [0, 1).
        **kwargs: ``class_weight``, ``loss_weight`` and ``loss_name`` as in :class:`MultiLabelSoftMarginLoss`.
    """

    def __init__(self, gamma_pos: float = 0.0, gamma_neg: float = 4.0, clip: float = 0.05, **kwargs) -> None:
        super().__init__(**kwargs)
        self.gamma_pos, self.gamma_neg, self.clip = gamma_pos, gamma_neg, clip

    def _losses(self, image_logits: Tensor, image_labels: Tensor) -> Tensor:
        return asymmetric_loss(image_logits, image_labels, self.gamma_pos, self.gamma_neg, self.clip)


@MODELS.register_module()
class AveragePrecisionLoss(ImageLabelLoss):
    """Ranking loss of WELDON, averaged over classes; see :func:`mmwsl.functional.average_precision_loss`.

    Images of a batch are ranked by each class: it needs large batches, of 8 images at least, and classes that are
    present in some of them and absent in others. The rest of the classes do not count. Where a process has its own
    share of the batch, it ranks that share.

    Args:
        **kwargs: ``class_weight``, ``loss_weight`` and ``loss_name`` as in :class:`MultiLabelSoftMarginLoss`.
    """

    def forward(self, image_logits: Tensor, image_labels: Tensor) -> Tensor:
        """Return the scalar loss of ``image_logits (N, K)`` and ``image_labels (N, K)``."""
        weights = self._weights(image_logits, image_labels)
        ranked = (image_labels == 1).any(0) & (image_labels == 0).any(0)
        losses = weights * average_precision_loss(image_logits, image_labels)
        return self.loss_weight * losses.sum() / ranked.sum().clamp(min=1)
