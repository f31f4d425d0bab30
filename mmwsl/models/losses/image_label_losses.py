"""Losses on image scores against image-level labels.

``image_logits (N, K)`` are aggregated scores; ``image_labels (N, K)`` are 1 (present), 0 (absent) or -1 (unknown).
An unknown label never contributes. A batch without any usable label gives 0 with a gradient path.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...functional import class_balanced_weights
from ...registry import MODELS


class ImageLabelLoss(nn.Module):
    """Class weights, weight and name of a loss of image scores.

    Args:
        class_weight: One weight per class, background included; or ``dict(counts=..., beta=0.999)``, the number of
            images that show each class, see :func:`mmwsl.functional.class_balanced_weights`. All 1 if None.
        loss_weight: Factor of the loss.
        loss_name: Key in the log; it must begin with ``loss_`` to be trained.
    """

    def __init__(
        self, class_weight: Sequence[float] | dict | None = None, loss_weight: float = 1.0, loss_name: str = 'loss_cls'
    ) -> None:
        super().__init__()
        if isinstance(class_weight, dict):
            class_weight = class_balanced_weights(**class_weight).tolist()
        self.register_buffer(
            'class_weight', None if class_weight is None else torch.tensor(class_weight), persistent=False
        )
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def _weights(self, image_logits: Tensor, image_labels: Tensor) -> Tensor:
        if image_labels.shape != image_logits.shape:
            raise ValueError(
                f'`image_labels` must have the shape of `image_logits` {tuple(image_logits.shape)}, '
                f'got {tuple(image_labels.shape)}'
            )
        if self.class_weight is None:
            return image_logits.new_ones(image_logits.shape[1])
        if len(self.class_weight) != image_logits.shape[1]:
            raise ValueError(
                f'`class_weight` must have {image_logits.shape[1]} values, one for each class with the '
                f'background, got {len(self.class_weight)}'
            )
        return self.class_weight.to(image_logits)


@MODELS.register_module()
class SoftmaxCrossEntropyLoss(ImageLabelLoss):
    r"""Negative log-likelihood of the tags under a softmax over classes (Pinheiro & Collobert, CVPR 2015).

    .. math:: \ell = -\sum_k w_k q_k \log \frac{e^{s^k}}{\sum_c e^{s^c}}, \quad q_k = \frac{[k\ \text{present}]}{n}

    With one tag this is the paper's loss; several tags share the mass equally. Unknown classes leave the softmax.
    Averaged over the images that have a tag.
    """

    def forward(self, image_logits: Tensor, image_labels: Tensor) -> Tensor:
        """Return the scalar loss of ``image_logits (N, K)`` and ``image_labels (N, K)``."""
        weights = self._weights(image_logits, image_labels)
        present = (image_labels == 1).to(image_logits)
        # Finite, not -inf: 0 * -inf in the product below would be NaN.
        log_probs = image_logits.masked_fill(image_labels == -1, -1e4).log_softmax(1)
        tags = present.sum(1)  # (N,)
        losses = -(weights * present * log_probs).sum(1) / tags.clamp(min=1)
        return self.loss_weight * losses.sum() / (tags > 0).sum().clamp(min=1)


@MODELS.register_module()
class MultiLabelSoftMarginLoss(ImageLabelLoss):
    r"""Multi-label soft margin: one logistic loss per class, classes independent.

    .. math:: \ell = -\frac{1}{|U|} \sum_{k \in U} w_k \big[ y_k \log \sigma(s^k) + (1 - y_k) \log \sigma(-s^k) \big]

    with :math:`U` the known labels of the batch. The choice for images with several tags and no background tag.
    """

    def forward(self, image_logits: Tensor, image_labels: Tensor) -> Tensor:
        """Return the scalar loss of ``image_logits (N, K)`` and ``image_labels (N, K)``."""
        weights = self._weights(image_logits, image_labels)
        known = (image_labels >= 0).to(image_logits)
        losses = F.binary_cross_entropy_with_logits(
            image_logits, image_labels.to(image_logits).clamp(min=0), weight=weights, reduction='none'
        )
        return self.loss_weight * (known * losses).sum() / known.sum().clamp(min=1)
