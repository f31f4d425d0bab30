"""Noise-robust pixel losses for masks that are partly wrong, such as pseudo-labels."""

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn

from ...functional import bootstrapped_cross_entropy, generalized_cross_entropy, symmetric_cross_entropy
from ...registry import MODELS


class NoisyLabelLoss(nn.Module, ABC):
    """Base class of pixel losses for any mmseg head, in place of ``CrossEntropyLoss(avg_non_ignore=True)``.

    Averaged over the labeled pixels of the batch. A batch without labeled pixels has loss 0 with a gradient path.

    Args:
        loss_weight: Factor of the loss.
        loss_name: Key in the log; it must begin with ``loss_`` to be trained.
    """

    def __init__(self, loss_weight: float = 1.0, loss_name: str = 'loss_noisy') -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        ignore_index: int = 255,
        reduction_override: str | None = None,
    ) -> Tensor:
        """Compute the loss of a batch.

        Args:
            cls_score: Logits, ``(N, K, H, W)``.
            label: Classes, or ``ignore_index``, ``(N, H, W)``.
            weight: Factor of each pixel from the head's sampler, ``(N, H, W)``. All 1 if None.
            ignore_index: Label of ignored pixels.
            reduction_override: ``'none'`` returns the losses ``(N, H, W)``, as mmseg's ``OHEMPixelSampler`` needs them.

        Returns:
            The scalar loss, or the losses ``(N, H, W)``.
        """
        losses = self.pixel_losses(cls_score, label, ignore_index)
        if weight is not None:
            losses = losses * weight
        if reduction_override == 'none':
            return self.loss_weight * losses
        return self.loss_weight * losses.sum() / (label != ignore_index).sum().clamp(min=1)

    @abstractmethod
    def pixel_losses(self, cls_score: Tensor, label: Tensor, ignore_index: int) -> Tensor:
        """Compute the losses ``(N, H, W)``, 0 at ignored pixels."""


@MODELS.register_module()
class GeneralizedCrossEntropyLoss(NoisyLabelLoss):
    """Generalized cross-entropy (GCE); see :func:`mmwsl.functional.generalized_cross_entropy`.

    Args:
        q: Exponent, in [0, 1]; 0 is the cross-entropy, 1 the mean absolute error.
        **kwargs: Passed to :class:`NoisyLabelLoss`.
    """

    def __init__(self, q: float = 0.7, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.q = q

    def pixel_losses(self, cls_score: Tensor, label: Tensor, ignore_index: int) -> Tensor:
        """Compute the losses ``(N, H, W)``."""
        return generalized_cross_entropy(cls_score, label, self.q, ignore_index)


@MODELS.register_module()
class SymmetricCrossEntropyLoss(NoisyLabelLoss):
    """Symmetric cross-entropy (SCE); see :func:`mmwsl.functional.symmetric_cross_entropy`.

    Args:
        alpha: Weight of the cross-entropy, non-negative.
        beta: Weight of the reverse cross-entropy, non-negative.
        log_zero: Value in place of the logarithm of zero, negative.
        **kwargs: Passed to :class:`NoisyLabelLoss`.
    """

    def __init__(self, alpha: float = 0.1, beta: float = 1.0, log_zero: float = -4.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha, self.beta, self.log_zero = alpha, beta, log_zero

    def pixel_losses(self, cls_score: Tensor, label: Tensor, ignore_index: int) -> Tensor:
        """Compute the losses ``(N, H, W)``."""
        return symmetric_cross_entropy(cls_score, label, self.alpha, self.beta, self.log_zero, ignore_index)


@MODELS.register_module()
class BootstrappedCrossEntropyLoss(NoisyLabelLoss):
    """Bootstrapped cross-entropy; see :func:`mmwsl.functional.bootstrapped_cross_entropy`.

    Args:
        beta: Weight of the label in the target, in [0, 1]. None is the paper's: 0.8 if ``hard``, else 0.95.
        hard: Whether the argmax of the prediction enters the target, instead of its probabilities.
        **kwargs: Passed to :class:`NoisyLabelLoss`.
    """

    def __init__(self, beta: float | None = None, hard: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.beta = (0.8 if hard else 0.95) if beta is None else beta
        self.hard = hard

    def pixel_losses(self, cls_score: Tensor, label: Tensor, ignore_index: int) -> Tensor:
        """Compute the losses ``(N, H, W)``."""
        return bootstrapped_cross_entropy(cls_score, label, self.beta, self.hard, ignore_index)
