"""Losses of score maps, supervised by the image-level labels or by the mask of each image."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from ...functional import score_map_binary_cross_entropy, score_map_cross_entropy
from ...registry import MODELS
from .supervision import WeakSupervision


class ScoreMapLoss(nn.Module, ABC):
    """Base class of the losses of score maps, averaged over images.

    An image with a mask has the loss of its labeled locations, :meth:`mask_loss`, and its image-level labels are not
    used. Any other image has the weak loss of its image-level labels. A dataset with masks and a dataset with
    image-level labels can be mixed by ``ConcatDataset``:

    .. code-block:: python

        train_dataloader = dict(dataset=dict(_delete_=True, type='ConcatDataset', datasets=[
            dict(..., pipeline=[..., dict(type='LoadAnnotations'), ..., dict(type='PackSegInputs')]),
            dict(..., pipeline=[..., dict(type='mmwsl.PackImageLabelInputs')])]))

    Locations are compared at the size of the score map: the mask is sampled at their centers. An image without a usable
    label has loss 0 and does not count in the average.

    Args:
        loss_weight: Factor of the loss.
        loss_name: Key in the log; it must begin with ``loss_`` to be trained.
    """

    uses_image_labels = True
    """Whether an image without a mask counts."""
    uses_softmax = True
    """Whether the classes of a location are those of a softmax, background included, or independent (sigmoid)."""

    def __init__(self, loss_weight: float = 1.0, loss_name: str = 'loss_map') -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(self, seg_logits: Tensor, supervision: WeakSupervision) -> Tensor:
        """Compute the scalar loss of ``seg_logits (N, K, H, W)``; a class of label -1 takes no part."""
        masks = supervision.masks or [None] * len(seg_logits)
        labeled = {i: mask for i, mask in enumerate(masks) if mask is not None}
        weak = [i for i in range(len(seg_logits)) if i not in labeled]
        losses, usable = [], []
        if labeled:
            strong = list(labeled)
            labels = torch.stack(list(labeled.values())).masked_fill(~supervision.valid[strong], -1)
            losses.append(self.mask_loss(seg_logits[strong], labels))
            usable.append((labels >= 0).flatten(1).any(1))
        if weak:
            selected = supervision.select(weak)
            losses.append(self.weak_loss(seg_logits[weak], selected))
            usable.append((selected.image_labels == 1).any(1) & self.uses_image_labels)
        values, counted = torch.cat(losses), torch.cat(usable)
        return self.loss_weight * values.masked_fill(~counted, 0.0).sum() / counted.sum().clamp(min=1)

    def mask_loss(self, seg_logits: Tensor, labels: Tensor) -> Tensor:
        """Compute the losses ``(N,)`` of images with ``labels (N, H, W)``, -1 at locations that do not count."""
        return score_map_cross_entropy(seg_logits, labels)

    @abstractmethod
    def weak_loss(self, seg_logits: Tensor, supervision: WeakSupervision) -> Tensor:
        """Compute the losses ``(N,)`` of images without a mask; the loss of an image without a present class is unused.

        ``supervision.masks`` is not to be read.
        """


@MODELS.register_module()
class MaskCrossEntropyLoss(ScoreMapLoss):
    """Cross-entropy of the images that have masks; the other images do not count.

    Use it beside a loss of image logits for semi-supervised training:
    ``loss_decode=[dict(type='mmwsl.SoftmaxCrossEntropyLoss'), dict(type='mmwsl.MaskCrossEntropyLoss')]``. An image with
    a mask and no image-level labels then counts in the second loss only.
    """

    uses_image_labels = False

    def weak_loss(self, seg_logits: Tensor, supervision: WeakSupervision) -> Tensor:
        """Return 0 for every image."""
        return seg_logits.flatten(1).sum(1) * 0


@MODELS.register_module()
class MaskBinaryCrossEntropyLoss(MaskCrossEntropyLoss):
    """Binary cross-entropy of the images that have masks, for independent classes; the other images do not count.

    See :func:`mmwsl.functional.score_map_binary_cross_entropy`.

    Use it beside a loss of independent image-level labels, with a background that is computed from the foreground:
    ``loss_decode=[dict(type='mmwsl.MultiLabelSoftMarginLoss'), dict(type='mmwsl.MaskBinaryCrossEntropyLoss')]``.
    """

    uses_softmax = False

    def mask_loss(self, seg_logits: Tensor, labels: Tensor) -> Tensor:
        """Compute the losses of images with masks; see the parent."""
        return score_map_binary_cross_entropy(seg_logits, labels)
