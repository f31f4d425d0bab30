"""Background models: what the head does with class 0, which image-level labels rarely name.

A background model turns scores into probabilities, of pixels and of the image. Channel 0 is the background.
"""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from ...functional import constant_background, power_background
from ...registry import MODELS


@MODELS.register_module()
class LearnedBackground(nn.Module):
    """Background as a class of the network, one of a softmax (Pinheiro & Collobert, CVPR 2015, Eq. 3).

    It needs training images that show none of the classes.
    """

    def pixel_probs(self, seg_logits: Tensor) -> Tensor:
        """Turn scores ``(..., K, H, W)`` into probabilities that sum to one."""
        return seg_logits.softmax(-3)

    def image_probs(self, image_logits: Tensor) -> Tensor:
        """Turn scores ``(N, K)`` into probabilities that sum to one."""
        return image_logits.softmax(-1)


class SigmoidBackground(nn.Module, ABC):
    """Foreground classes are independent (sigmoid), and background is in every image.

    Channel 0 of the network's scores is not used: subclasses find the background from the other classes.
    """

    @abstractmethod
    def add_background(self, foreground: Tensor) -> Tensor:
        """Turn scores in [0, 1] of the other classes, ``(..., K - 1, H, W)``, into scores ``(..., K, H, W)``."""

    def pixel_probs(self, seg_logits: Tensor) -> Tensor:
        """Turn scores ``(..., K, H, W)`` into probabilities of the same shape."""
        return self.add_background(seg_logits[..., 1:, :, :].sigmoid())

    def image_probs(self, image_logits: Tensor) -> Tensor:
        """Turn scores ``(N, K)`` into independent probabilities, 1 for the background."""
        probs = image_logits.sigmoid()
        probs[:, 0] = 1.0
        return probs


@MODELS.register_module()
class ConstantBackground(SigmoidBackground):
    """Background where no class exceeds a threshold; see :func:`mmwsl.functional.constant_background`.

    Use :class:`PowerBackground` for a soft decision, :class:`LearnedBackground` if the data have background images.

    Args:
        threshold: Threshold, in [0, 1].
    """

    def __init__(self, threshold: float = 0.5) -> None:
        super().__init__()
        if not 0 <= threshold <= 1:
            raise ValueError(f'`threshold` is a probability and must be in [0, 1], got {threshold}')
        self.threshold = threshold

    def add_background(self, foreground: Tensor) -> Tensor:
        """Add the background, ``(..., K - 1, H, W)`` to ``(..., K, H, W)``."""
        return constant_background(foreground, self.threshold)


@MODELS.register_module()
class PowerBackground(SigmoidBackground):
    """Background where no class is sure; see :func:`mmwsl.functional.power_background`.

    Args:
        alpha: The exponent, positive; larger gives less background.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        if not alpha > 0:
            raise ValueError(f'`alpha` must be positive, got {alpha}')
        self.alpha = alpha

    def add_background(self, foreground: Tensor) -> Tensor:
        """Add the background, ``(..., K - 1, H, W)`` to ``(..., K, H, W)``."""
        return power_background(foreground, self.alpha)
