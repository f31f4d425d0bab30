"""Noise-robust pixel losses for masks that are partly wrong, such as pseudo-labels."""

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from mmengine.logging import MessageHub
from torch import Tensor, nn

from ...functional import (
    bootstrapped_cross_entropy,
    clip_losses,
    foreground_balanced_mean,
    generalized_cross_entropy,
    noisy_pixels,
    smoothed_cross_entropy,
    symmetric_cross_entropy,
)
from ...registry import MODELS
from ...utils.text import check_integer


class NoisyLabelLoss(nn.Module, ABC):
    """Base class of pixel losses for any mmseg head, in place of ``CrossEntropyLoss(avg_non_ignore=True)``.

    The losses of the pixels pass three optional steps, in this order: noisy labels are ignored, large losses are
    limited, and the mean is taken over the labeled pixels of the batch, or half over the background and half over the
    foreground. The steps combine with each other and with every subclass. A batch without labeled pixels has loss 0
    with a gradient path.

    Args:
        filtering: Options of :func:`mmwsl.functional.noisy_pixels`, which finds the noisy labels, and ``begin``, the
            number of training iterations without filtering (0 by default). ``dict()`` has DuPL's constants. None
            ignores no label.
        clipping: Options of :func:`mmwsl.functional.clip_losses`, which limits the losses. ``dict()`` has WeakTr's
            constants. None limits no loss.
        balanced: Whether background and foreground count alike, see
            :func:`mmwsl.functional.foreground_balanced_mean`.
        loss_weight: Factor of the loss.
        loss_name: Key in the log; it must begin with ``loss_`` to be trained.

    Raises:
        TypeError: If a step has no such option.
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        filtering: dict | None = None,
        clipping: dict | None = None,
        balanced: bool = False,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_noisy',
    ) -> None:
        super().__init__()
        self.filtering = None if filtering is None else dict(filtering)
        self.begin = 0 if self.filtering is None else self.filtering.pop('begin', 0)
        check_integer('begin', self.begin, 0)
        self.clipping = clipping
        self.balanced = balanced
        self.loss_weight = loss_weight
        self.loss_name = loss_name
        # Bad options raise an error here.
        one = torch.zeros(1, 1, 1)
        noisy_pixels(one, one, one == 0, **(self.filtering or {}))
        clip_losses(one, one == 0, **(self.clipping or {}))

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
        used = label != ignore_index
        if self.filtering is not None and _iteration() >= self.begin:
            used = used & ~noisy_pixels(losses.detach(), label, used, **self.filtering)
            losses = losses.masked_fill(~used, 0.0)
        if self.clipping is not None:
            losses = clip_losses(losses, used, **self.clipping)
        if weight is not None:
            losses = losses * weight
        if reduction_override == 'none':
            return self.loss_weight * losses
        if self.balanced:
            return self.loss_weight * foreground_balanced_mean(losses, label, used)
        return self.loss_weight * losses.sum() / used.sum().clamp(min=1)

    @abstractmethod
    def pixel_losses(self, cls_score: Tensor, label: Tensor, ignore_index: int) -> Tensor:
        """Compute the losses ``(N, H, W)``, 0 at ignored pixels."""


def _iteration() -> float:
    """Return the number of finished training iterations; infinite without a runner."""
    iteration = MessageHub.get_current_instance().get_info('iter')
    return math.inf if iteration is None else iteration


@MODELS.register_module()
class RobustCrossEntropyLoss(NoisyLabelLoss):
    """Cross-entropy with smoothed labels; see :func:`mmwsl.functional.smoothed_cross_entropy`.

    Without options it is ``CrossEntropyLoss(avg_non_ignore=True)``.

    Args:
        smoothing: Weight of the other classes, in [0, 1]. AMN uses 0.4.
        **kwargs: Passed to :class:`NoisyLabelLoss`.
    """

    def __init__(self, smoothing: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= smoothing <= 1:
            raise ValueError(f'`smoothing` must be in [0, 1], got {smoothing}.')
        self.smoothing = smoothing

    def pixel_losses(self, cls_score: Tensor, label: Tensor, ignore_index: int) -> Tensor:
        """Compute the losses ``(N, H, W)``."""
        return smoothed_cross_entropy(cls_score, label, self.smoothing, ignore_index)


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
