"""Expectation-maximization: latent labels of the cells, as the network and the tags say (Papandreou et al., 2015)."""

from abc import abstractmethod

import torch
from torch import Tensor

from ...functional import adaptive_bias, score_map_cross_entropy
from ...registry import MODELS
from .score_map_loss import ScoreMapLoss


class _BiasedLabelLoss(ScoreMapLoss):
    """Cross entropy with the latent labels: the best class of those present, after a bias."""

    def weak_loss(self, seg_logits: Tensor, image_labels: Tensor, valid: Tensor, sizes: Tensor | None) -> Tensor:
        """Return the losses ``(N,)``."""
        biases = self.biases(seg_logits, image_labels == 1, valid)
        labels = (seg_logits.detach() + biases[:, :, None, None]).argmax(1).masked_fill(~valid, -1)
        return score_map_cross_entropy(seg_logits, labels, image_labels)

    @abstractmethod
    def biases(self, seg_logits: Tensor, present: Tensor, valid: Tensor) -> Tensor:
        """Return the biases ``(N, K)``, ``-inf`` for classes that are absent."""


@MODELS.register_module()
class EMFixedLoss(_BiasedLabelLoss):
    r"""EM-Fixed (Papandreou et al., ICCV 2015, Sec. 3.2).

    .. math:: \hat y_{ij} = \arg\max_{l\ \text{present}} f_{ij}(l) + b_l, \quad
              \ell = -\frac{1}{|V|} \sum_{ij \in V} \log p_{ij}(\hat y_{ij})

    Args:
        foreground_bias: Bias of the foreground classes, in logits.
        background_bias: Bias of the background. Only the difference of the two matters, and it matters much, the
            authors say: without it, background is where the label is easiest to have.
        **kwargs: ``loss_weight`` and ``loss_name`` of :class:`ScoreMapLoss`, which says how masks are used.
    """

    def __init__(self, foreground_bias: float = 5.0, background_bias: float = 3.0, **kwargs) -> None:
        super().__init__(**kwargs)
        self.foreground_bias, self.background_bias = foreground_bias, background_bias

    def biases(self, seg_logits: Tensor, present: Tensor, valid: Tensor) -> Tensor:
        """Return the biases ``(N, K)``."""
        biases = torch.full(present.shape, float(self.foreground_bias), device=seg_logits.device)
        biases[:, 0] = self.background_bias
        return biases.masked_fill(~present, -torch.inf)


@MODELS.register_module()
class EMAdaptLoss(_BiasedLabelLoss):
    """EM-Adapt: the biases give each class present its share; see :func:`mmwsl.functional.adaptive_bias`.

    Args:
        foreground_portion: Share of the image of each foreground class present, in [0, 1].
        background_portion: Share of the background.
        sweeps: How often the classes take turns.
        **kwargs: ``loss_weight`` and ``loss_name`` of :class:`ScoreMapLoss`, which says how masks are used.

    Raises:
        ValueError: If a portion is not in [0, 1] or ``sweeps`` is below 1.
    """

    def __init__(
        self, foreground_portion: float = 0.2, background_portion: float = 0.4, sweeps: int = 5, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        for name, value in dict(foreground_portion=foreground_portion, background_portion=background_portion).items():
            if not 0 <= value <= 1:
                raise ValueError(f'`{name}` is a share of the image and must be in [0, 1], got {value}')
        if sweeps < 1:
            raise ValueError(f'`sweeps` must be at least 1, got {sweeps}')
        self.foreground_portion, self.background_portion = foreground_portion, background_portion
        self.sweeps = sweeps

    def biases(self, seg_logits: Tensor, present: Tensor, valid: Tensor) -> Tensor:
        """Return the biases ``(N, K)``."""
        portions = [self.background_portion] + [self.foreground_portion] * (present.shape[1] - 1)
        return adaptive_bias(seg_logits, present, portions, valid, sweeps=self.sweeps)
