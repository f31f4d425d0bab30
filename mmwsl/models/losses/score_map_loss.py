"""What the losses on score maps share: which image is supervised by its mask and which by its tags."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...functional import score_map_cross_entropy
from ...registry import MODELS


class ScoreMapLoss(nn.Module, ABC):
    """A loss of score maps under a softmax over classes, average over images of one value each.

    An image with a mask has the cross entropy of its labeled cells, and its tags are not used; any other has the
    weak loss of its tags. So a dataset with masks and one with tags train together, mixed by ``ConcatDataset``:

    .. code-block:: python

        train_dataloader = dict(dataset=dict(_delete_=True, type='ConcatDataset', datasets=[
            dict(..., pipeline=[..., dict(type='LoadAnnotations'), ..., dict(type='PackSegInputs')]),
            dict(..., pipeline=[..., dict(type='mmwsl.PackImageLabelInputs', background='always')])]))

    Cells are compared at the size of the score map: the mask is sampled at their centers. An image without a usable
    label has loss 0 and does not count in the average.

    Args:
        loss_weight: Factor of the loss.
        loss_name: Key in the log; it must begin with ``loss_`` to be trained.
    """

    level = 'map'
    """What the head gives to the loss: score maps. A loss without this attribute gets aggregated scores."""

    uses_tags = True
    """Whether an image without a mask counts."""

    def __init__(self, loss_weight: float = 1.0, loss_name: str = 'loss_map') -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(
        self,
        seg_logits: Tensor,
        image_labels: Tensor,
        valid: Tensor,
        masks: Sequence[Tensor | None] | None = None,
        sizes: Tensor | None = None,
    ) -> Tensor:
        """Compute the loss of a batch.

        Args:
            seg_logits: Score maps, ``(N, K, H, W)``.
            image_labels: 1 (present), 0 (absent) or -1 (unknown), ``(N, K)``. A class of score -1 takes no part.
            valid: Boolean map of the cells that belong to the image, ``(N, H, W)``.
            masks: For each image its mask, int64 ``(H, W)`` with -1 where a cell has no label, or None.
            sizes: Whether an object is large (1), small (0), or not known to be either (-1), ``(N, K)``.

        Returns:
            The scalar loss.

        Raises:
            ValueError: If an image with a tag does not say that background is present.
        """
        masks = [None] * len(seg_logits) if masks is None else masks
        strong = [i for i, mask in enumerate(masks) if mask is not None]
        weak = [i for i, mask in enumerate(masks) if mask is None]
        losses, usable = [], []
        if strong:
            labels = torch.stack([masks[i] for i in strong]).masked_fill(~valid[strong], -1)
            losses.append(score_map_cross_entropy(seg_logits[strong], labels))
            usable.append((labels >= 0).flatten(1).any(1))
        if weak:
            tags = image_labels[weak]
            if self.uses_tags and ((tags[:, 1:] == 1).any(1) & (tags[:, 0] != 1)).any():
                raise ValueError(
                    f'{type(self).__name__} needs images whose tags say that background is present, but '
                    'class 0 of some with a tag is absent or unknown: end the training pipeline with '
                    "dict(type='mmwsl.PackImageLabelInputs', background='always')"
                )
            losses.append(self.weak_loss(seg_logits[weak], tags, valid[weak], None if sizes is None else sizes[weak]))
            usable.append((tags == 1).any(1) & self.uses_tags)
        losses, usable = torch.cat(losses), torch.cat(usable)
        return self.loss_weight * losses.masked_fill(~usable, 0.0).sum() / usable.sum().clamp(min=1)

    @abstractmethod
    def weak_loss(self, seg_logits: Tensor, image_labels: Tensor, valid: Tensor, sizes: Tensor | None) -> Tensor:
        """Return the losses ``(N,)`` of images that have tags only; of no consequence where no class is present."""


@MODELS.register_module()
class MaskCrossEntropyLoss(ScoreMapLoss):
    """Cross entropy of the images that have masks; the others do not count.

    Beside a loss of image scores, such as :class:`SoftmaxCrossEntropyLoss`, for semi-supervision:
    ``loss_decode=[dict(type='mmwsl.SoftmaxCrossEntropyLoss'), dict(type='mmwsl.MaskCrossEntropyLoss')]``. An image that
    has a mask and no tags then counts in the second loss only.
    """

    uses_tags = False

    def weak_loss(self, seg_logits: Tensor, image_labels: Tensor, valid: Tensor, sizes: Tensor | None) -> Tensor:
        """Return 0 for every image."""
        return seg_logits.flatten(1).sum(1) * 0
