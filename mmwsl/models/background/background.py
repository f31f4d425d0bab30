"""Background models: what the head does with class 0, which image-level labels rarely name.

A background model turns scores into probabilities, of pixels and of the picture. Channel 0 is the background.
"""

from torch import Tensor, nn

from ...functional import constant_background, power_background
from ...registry import MODELS


@MODELS.register_module()
class LearnedBackground(nn.Module):
    """Background as a class of the network, one of a softmax (Pinheiro & Collobert, CVPR 2015, Eq. 3).

    It needs training pictures that show none of the classes.
    """

    def pixel_probs(self, seg_logits: Tensor) -> Tensor:
        """Turn scores ``(..., K, H, W)`` into probabilities that sum to one."""
        return seg_logits.softmax(-3)

    def image_probs(self, image_logits: Tensor) -> Tensor:
        """Turn scores ``(N, K)`` into probabilities that sum to one."""
        return image_logits.softmax(-1)


class _IndependentClasses(nn.Module):
    """Foreground classes are independent (sigmoid), and background is in every picture."""

    def image_probs(self, image_logits: Tensor) -> Tensor:
        """Turn scores ``(N, K)`` into independent probabilities, 1 for the background."""
        probs = image_logits.sigmoid()
        probs[:, 0] = 1.
        return probs


@MODELS.register_module()
class ConstantBackground(_IndependentClasses):
    """Background where no class exceeds a threshold; see :func:`mmwsl.functional.constant_background`.

    Channel 0 of the scores is not used. Use :class:`PowerBackground` for a soft decision, :class:`LearnedBackground`
    if the data have background pictures.

    Args:
        score: The threshold, in [0, 1].
    """

    def __init__(self, score: float = 0.5) -> None:
        super().__init__()
        if not 0 <= score <= 1:
            raise ValueError(f'`score` is a probability and must be in [0, 1], got {score}')
        self.score = score

    def pixel_probs(self, seg_logits: Tensor) -> Tensor:
        """Turn scores ``(..., K, H, W)`` into probabilities of the same shape."""
        return constant_background(seg_logits, self.score)


@MODELS.register_module()
class PowerBackground(_IndependentClasses):
    """Background where no class is sure; see :func:`mmwsl.functional.power_background`.

    Args:
        alpha: The exponent, positive; larger gives less background.
    """

    def __init__(self, alpha: float = 1.) -> None:
        super().__init__()
        if not alpha > 0:
            raise ValueError(f'`alpha` must be positive, got {alpha}')
        self.alpha = alpha

    def pixel_probs(self, seg_logits: Tensor) -> Tensor:
        """Turn scores ``(..., K, H, W)`` into probabilities of the same shape."""
        return power_background(seg_logits, self.alpha)
