"""Classifies boxes of an image, supervised by the image's tags."""

from collections.abc import Sequence

import torch
from mmseg.utils import SampleList
from torch import Tensor

from ...functional import ProposalRule, propose_boxes
from ...registry import MODELS
from .lse_aggregation_head import LSEAggregationHead
from .supervision import image_labels


@MODELS.register_module()
class BoxAggregationHead(LSEAggregationHead):
    """The head of a cascade's second stage, see :class:`mmwsl.models.ProposalCascade`.

    Its parent's cells are boxes here: the convolutions score the crop of each box, the mean over the crop is the box's
    score, and the aggregator turns the scores of an image's boxes into one for each class. Losses of image logits
    and tags only.

    Args:
        in_channels: Channels of the crops' feature maps.
        crop_size: Side that each box is brought to, in pixels, or in cells of the feature map where the cascade has
            no second backbone.
        proposals: Settings of :class:`mmwsl.functional.ProposalRule`.
        **kwargs: Of :class:`mmwsl.models.LSEAggregationHead`.

    Raises:
        ValueError: If ``crop_size`` is not positive, a setting of ``proposals`` is out of range, or a loss needs score
            maps.
    """

    def __init__(
        self, in_channels: int | Sequence[int], *, crop_size: int = 7, proposals: dict | None = None, **kwargs
    ) -> None:
        super().__init__(in_channels, **kwargs)
        if crop_size < 1:
            raise ValueError(f'`crop_size` must be at least 1, got {crop_size}')
        if self._map_losses():
            raise ValueError(
                f'{type(self._map_losses()[0]).__name__} needs a score map, and boxes have none: use a '
                "loss of image logits, e.g. dict(type='mmwsl.MultiLabelSoftMarginLoss')"
            )
        self.crop_size = crop_size
        self.rule = ProposalRule(**proposals or {})

    def propose(self, probs: Tensor, batch_img_metas: Sequence[dict], size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Propose boxes within the images' own area.

        Args:
            probs: Probabilities of the first stage, ``(N, K, H, W)``; channel 0, the background, proposes nothing.
            batch_img_metas: Meta information with the padding of each image, if any.
            size: Height and width of the padded inputs, in pixels.

        Returns:
            Boxes ``(N, B, 4)`` in fractions of the padded input, and which of them exist, ``(N, B)``. The first is
            the whole image and always exists.
        """
        proposed = []
        for prob, cells in zip(probs, self._valid(probs, batch_img_metas, size), strict=True):
            rows, columns = cells.any(1), cells.any(0)
            corner = torch.stack([columns.byte().argmax(), rows.byte().argmax()])
            prob = prob[1:, rows][:, :, columns]
            proposed.append(propose_boxes(prob, self.rule) + corner.repeat(2))
        valid = torch.zeros(len(probs), max(map(len, proposed)), dtype=torch.bool, device=probs.device)
        boxes = probs.new_zeros(*valid.shape, 4)
        for index, own in enumerate(proposed):
            valid[index, : len(own)] = True
            boxes[index, : len(own)] = own.to(boxes)
        height, width = probs.shape[2:]
        return boxes / boxes.new_tensor([width, height, width, height]), valid

    def score_boxes(self, crops: Sequence[Tensor]) -> Tensor:
        """Score crops: feature maps, each ``(M, C, h, w)``, to ``(M, K)``."""
        return self(crops).mean((2, 3))

    def aggregate_boxes(self, scores: Tensor, valid: Tensor) -> Tensor:
        """Aggregate the scores ``(N, K, B)`` of the boxes that exist, ``valid (N, B)``, to ``(N, K)``."""
        return self.aggregator(scores[..., None], valid[..., None])

    def loss_by_boxes(self, scores: Tensor, valid: Tensor, batch_data_samples: SampleList) -> dict[str, Tensor]:
        """Compute the losses of the aggregated scores against ``gt_label.score`` of the samples."""
        logits = self.aggregate_boxes(scores, valid)
        labels = image_labels(batch_data_samples, self.num_classes)
        losses = {}
        for loss in self._losses():
            losses[loss.loss_name] = losses.get(loss.loss_name, 0) + loss(logits, labels)
        return losses
