"""Expectation-maximization losses with latent labels of the locations (Papandreou et al., ICCV 2015)."""

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from ...functional import adaptive_bias, score_map_cross_entropy
from ...registry import MODELS
from .score_map_loss import ScoreMapLoss
from .supervision import WeakSupervision


class _BiasedLabelLoss(ScoreMapLoss):
    """Cross-entropy with the latent labels, the argmax over the present classes after adding a bias per class."""

    def weak_loss(self, seg_logits: Tensor, supervision: WeakSupervision) -> Tensor:
        """Compute the losses ``(N,)``."""
        image_labels, valid = supervision.image_labels, supervision.valid
        biases = self.biases(seg_logits, image_labels == 1, valid)
        labels = (seg_logits.detach() + biases[:, :, None, None]).argmax(1).masked_fill(~valid, -1)
        return score_map_cross_entropy(seg_logits, labels, image_labels)

    @abstractmethod
    def biases(self, seg_logits: Tensor, present: Tensor, valid: Tensor) -> Tensor:
        """Compute the biases ``(N, K)``, ``-inf`` for absent classes."""


@MODELS.register_module()
class EMFixedLoss(_BiasedLabelLoss):
    r"""EM-Fixed (Papandreou et al., ICCV 2015, Sec. 3.2).

    .. math:: \hat y_{ij} = \arg\max_{l\ \text{present}} f_{ij}(l) + b_l, \quad
              \ell = -\frac{1}{|V|} \sum_{ij \in V} \log p_{ij}(\hat y_{ij})

    Args:
        foreground_bias: Bias of the foreground classes, in logits.
        background_bias: Bias of the background. Only the difference of the two biases matters. Without it, the authors
            report, the latent labels collapse to background.
        **kwargs: Passed to :class:`ScoreMapLoss`.
    """

    def __init__(self, foreground_bias: float = 5.0, background_bias: float = 3.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.foreground_bias, self.background_bias = foreground_bias, background_bias

    def biases(self, seg_logits: Tensor, present: Tensor, valid: Tensor) -> Tensor:
        """Compute the biases ``(N, K)``."""
        biases = torch.full(present.shape, float(self.foreground_bias), device=seg_logits.device)
        biases[:, 0] = self.background_bias
        return biases.masked_fill(~present, -torch.inf)


@MODELS.register_module()
class EMAdaptLoss(_BiasedLabelLoss):
    """EM-Adapt, whose biases give each present class a fraction of the image (Papandreou et al., ICCV 2015, Sec. 3.2).

    See :func:`mmwsl.functional.adaptive_bias`.

    Args:
        foreground_portion: Fraction of the image of each present foreground class, in [0, 1].
        background_portion: Fraction of the image of the background, in [0, 1].
        sweeps: Number of passes over the classes, at least 1.
        **kwargs: Passed to :class:`ScoreMapLoss`.

    Raises:
        ValueError: If a fraction is not in [0, 1] or ``sweeps`` is below 1.
    """

    def __init__(
        self, foreground_portion: float = 0.2, background_portion: float = 0.4, sweeps: int = 5, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        for name, value in dict(foreground_portion=foreground_portion, background_portion=background_portion).items():
            if not 0 <= value <= 1:
                raise ValueError(f'EMAdaptLoss: `{name}` must be in [0, 1], got {value}. Set a fraction of the image.')
        if sweeps < 1:
            raise ValueError(f'EMAdaptLoss: `sweeps` must be at least 1, got {sweeps}.')
        self.foreground_portion, self.background_portion = foreground_portion, background_portion
        self.sweeps = sweeps

    def biases(self, seg_logits: Tensor, present: Tensor, valid: Tensor) -> Tensor:
        """Compute the biases ``(N, K)``."""
        portions = [self.background_portion] + [self.foreground_portion] * (present.shape[1] - 1)
        return adaptive_bias(seg_logits, present, portions, valid, sweeps=self.sweeps)
