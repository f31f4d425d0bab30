"""Losses of image logits against image-level labels.

``image_logits (N, K)`` are aggregated scores; the labels ``(N, K)`` are 1 (present), 0 (absent) or -1 (unknown). An
unknown label never contributes. A batch without a known label gives 0 with a gradient path.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...functional import class_balanced_weights
from ...registry import MODELS
from .supervision import WeakSupervision


class ImageLabelLoss(nn.Module, ABC):
    """Base class of the losses of image logits.

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
        self.class_weight: Tensor | None
        self.register_buffer(
            'class_weight', None if class_weight is None else torch.tensor(class_weight), persistent=False
        )
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(self, image_logits: Tensor, supervision: WeakSupervision) -> Tensor:
        """Compute the scalar loss of ``image_logits (N, K)``.

        Raises:
            ValueError: If the labels or the class weights do not fit the logits.
        """
        name, image_labels = type(self).__name__, supervision.image_labels
        if image_labels.shape != image_logits.shape:
            raise ValueError(
                f'{name}: `image_labels` must have the shape of `image_logits` {tuple(image_logits.shape)}, '
                f'got {tuple(image_labels.shape)}.'
            )
        if self.class_weight is None:
            weights = image_logits.new_ones(image_logits.shape[1])
        elif len(self.class_weight) == image_logits.shape[1]:
            weights = self.class_weight.to(image_logits)
        else:
            raise ValueError(
                f'{name}: `class_weight` must have {image_logits.shape[1]} values, one per class with the background, '
                f'got {len(self.class_weight)}.'
            )
        return self.loss_weight * self.image_loss(image_logits, image_labels, weights)

    @abstractmethod
    def image_loss(self, image_logits: Tensor, image_labels: Tensor, weights: Tensor) -> Tensor:
        """Compute the scalar loss of ``image_logits (N, K)`` with class weights ``(K,)``, before ``loss_weight``."""


@MODELS.register_module()
class SoftmaxCrossEntropyLoss(ImageLabelLoss):
    r"""Cross-entropy of the image-level labels under a softmax over classes (Pinheiro & Collobert, CVPR 2015).

    .. math:: \ell = -\sum_k w_k q_k \log \frac{e^{s^k}}{\sum_c e^{s^c}}, \quad q_k = \frac{[k\ \text{present}]}{n}

    With one label this is the paper's loss; several labels share the mass equally. Unknown classes leave the softmax.
    Averaged over the images in which a class is present.
    """

    def image_loss(self, image_logits: Tensor, image_labels: Tensor, weights: Tensor) -> Tensor:
        """Compute the scalar loss."""
        present = (image_labels == 1).to(image_logits)
        # Finite, not -inf: 0 * -inf in the product below would be NaN.
        log_probs = image_logits.masked_fill(image_labels == -1, -1e4).log_softmax(1)
        counts = present.sum(1)  # (N,)
        losses = -(weights * present * log_probs).sum(1) / counts.clamp(min=1)
        return losses.sum() / (counts > 0).sum().clamp(min=1)


@MODELS.register_module()
class MultiLabelSoftMarginLoss(ImageLabelLoss):
    r"""Multi-label soft margin: one logistic loss per class, classes independent.

    .. math:: \ell = -\frac{1}{|U|} \sum_{k \in U} w_k \big[ y_k \log \sigma(s^k) + (1 - y_k) \log \sigma(-s^k) \big]

    with :math:`U` the known labels of the batch. Use it for images with several labels and no background label.
    """

    def image_loss(self, image_logits: Tensor, image_labels: Tensor, weights: Tensor) -> Tensor:
        """Compute the scalar loss."""
        known = (image_labels >= 0).to(image_logits)
        losses = F.binary_cross_entropy_with_logits(
            image_logits, image_labels.to(image_logits).clamp(min=0), weight=weights, reduction='none'
        )
        return (known * losses).sum() / known.sum().clamp(min=1)
