"""Background models: what channel 0 means, in the image-level labels and in the scores.

Image-level labels name foreground classes only. The background model of a head adds the background label for the
losses, and turns scores into probabilities with a background.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from ...functional import constant_background, power_background
from ...registry import MODELS


class Background(nn.Module, ABC):
    """Base class of the background models."""

    @abstractmethod
    def complete_labels(self, image_labels: Tensor, *, per_location: bool) -> Tensor:
        """Set the background label in channel 0, whatever it was before.

        Args:
            image_labels: 1 (present), 0 (absent) or -1 (unknown), ``(N, K)``.
            per_location: Whether the labels are for a loss of score maps, else they are for a loss of image logits.

        Returns:
            Labels of the same shape.
        """

    @abstractmethod
    def pixel_probs(self, seg_logits: Tensor) -> Tensor:
        """Turn scores ``(..., K, H, W)`` into probabilities of the same shape."""

    @abstractmethod
    def image_probs(self, image_logits: Tensor) -> Tensor:
        """Turn scores ``(N, K)`` into probabilities of the same shape."""

    @abstractmethod
    def image_log_odds(self, image_logits: Tensor) -> Tensor:
        """Turn scores ``(N, K)`` into the log-odds of :meth:`image_probs`, which rank images where these are 1."""


@MODELS.register_module()
class LearnedBackground(Background):
    """Background as a class of the network, one class of a softmax (Pinheiro & Collobert, CVPR 2015, Eq. 3).

    A loss of image logits has a softmax over the image. Background is absent in images with a foreground class, unknown
    if a foreground class may be present, and present in all other images. The training set needs background images.

    A loss of score maps has a softmax over each location: background is present in every image, since nearly every
    image shows some.
    """

    def complete_labels(self, image_labels: Tensor, *, per_location: bool) -> Tensor:
        """Set the background label in channel 0; see the parent."""
        foreground = image_labels[:, 1:]
        background = torch.ones_like(image_labels[:, :1])
        if not per_location:
            background = background.masked_fill((foreground == -1).any(1, keepdim=True), -1)
            background = background.masked_fill((foreground == 1).any(1, keepdim=True), 0)
        return torch.cat([background, foreground], 1)

    def pixel_probs(self, seg_logits: Tensor) -> Tensor:
        """Turn scores ``(..., K, H, W)`` into probabilities that sum to one."""
        return seg_logits.softmax(-3)

    def image_probs(self, image_logits: Tensor) -> Tensor:
        """Turn scores ``(N, K)`` into probabilities that sum to one."""
        return image_logits.softmax(-1)

    def image_log_odds(self, image_logits: Tensor) -> Tensor:
        """Subtract from each score ``(N, K)`` the Log-Sum-Exp of the other classes."""
        same = torch.eye(image_logits.shape[1], dtype=torch.bool, device=image_logits.device)
        return image_logits - image_logits[:, None].masked_fill(same, -torch.inf).logsumexp(2)


class SigmoidBackground(Background):
    """Base class of backgrounds of independent foreground classes (sigmoid), present in every image.

    Channel 0 of the network's scores is not used: subclasses compute the background from the other classes. So its
    label is unknown, and no loss trains it.
    """

    @abstractmethod
    def add_background(self, foreground: Tensor) -> Tensor:
        """Add the background to scores in [0, 1], ``(..., K - 1, H, W)`` to ``(..., K, H, W)``."""

    def complete_labels(self, image_labels: Tensor, *, per_location: bool) -> Tensor:
        """Set the background label in channel 0 to unknown."""
        return torch.cat([torch.full_like(image_labels[:, :1], -1), image_labels[:, 1:]], 1)

    def pixel_probs(self, seg_logits: Tensor) -> Tensor:
        """Turn scores ``(..., K, H, W)`` into probabilities of the same shape."""
        return self.add_background(seg_logits[..., 1:, :, :].sigmoid())

    def image_probs(self, image_logits: Tensor) -> Tensor:
        """Turn scores ``(N, K)`` into independent probabilities, 1 for the background."""
        probs = image_logits.sigmoid()
        probs[:, 0] = 1.0
        return probs

    def image_log_odds(self, image_logits: Tensor) -> Tensor:
        """Return the scores ``(N, K)``; channel 0 is not used."""
        return image_logits


@MODELS.register_module()
class ConstantBackground(SigmoidBackground):
    """Background where no class exceeds a threshold; see :func:`mmwsl.functional.constant_background`.

    Use :class:`PowerBackground` for a soft decision, :class:`LearnedBackground` if the data have background images.

    Args:
        threshold: Threshold, in [0, 1].

    Raises:
        ValueError: If ``threshold`` is not in [0, 1].
    """

    def __init__(self, threshold: float = 0.5) -> None:
        super().__init__()
        if not 0 <= threshold <= 1:
            raise ValueError(f'ConstantBackground: `threshold` must be in [0, 1], got {threshold}.')
        self.threshold = threshold

    def add_background(self, foreground: Tensor) -> Tensor:
        """Add the background, ``(..., K - 1, H, W)`` to ``(..., K, H, W)``."""
        return constant_background(foreground, self.threshold)


@MODELS.register_module()
class PowerBackground(SigmoidBackground):
    """Background where every foreground class has a low probability; see :func:`mmwsl.functional.power_background`.

    Args:
        alpha: Exponent, positive; a larger value gives less background.

    Raises:
        ValueError: If ``alpha`` is not positive.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        if not alpha > 0:
            raise ValueError(f'PowerBackground: `alpha` must be positive, got {alpha}.')
        self.alpha = alpha

    def add_background(self, foreground: Tensor) -> Tensor:
        """Add the background, ``(..., K - 1, H, W)`` to ``(..., K, H, W)``."""
        return power_background(foreground, self.alpha)
