"""Head that classifies the boxes of an image, trained on image-level labels."""

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.utils import SampleList
from torch import Tensor

from ...functional import ProposalRule, propose_boxes
from ...registry import MODELS
from .lse_aggregation_head import LSEAggregationHead


@MODELS.register_module()
class BoxAggregationHead(LSEAggregationHead):
    """Head of the second stage of a :class:`mmwsl.models.ProposalCascade`.

    It aggregates boxes where its parent aggregates locations. The convolutions score the crop of each box, and the
    mean over the crop is the score of the box. The aggregator pools the scores of an image's boxes into one score per
    class. All losses are losses of image logits.

    Args:
        in_channels: Channels of the crops' feature maps.
        crop_size: Side that each box is resized to, in pixels, or in locations of the feature map if the cascade has
            no second backbone.
        proposals: Arguments of :class:`mmwsl.functional.ProposalRule`.
        **kwargs: Passed to :class:`mmwsl.models.LSEAggregationHead`. The cascade passes the ``background`` of
            the first stage.

    Raises:
        ValueError: If ``crop_size`` is not positive, an argument of ``proposals`` is out of range, or a loss needs
            score maps.
    """

    def __init__(
        self, in_channels: int | Sequence[int], *, crop_size: int = 7, proposals: dict | None = None, **kwargs: Any
    ) -> None:
        super().__init__(in_channels, **kwargs)
        if crop_size < 1:
            raise ValueError(f'BoxAggregationHead: `crop_size` must be at least 1, got {crop_size}.')
        if self.score_map_losses:
            raise ValueError(
                'BoxAggregationHead: `loss_decode` must be a loss of image logits, got '
                f"{type(self.score_map_losses[0]).__name__}. Use e.g. dict(type='mmwsl.MultiLabelSoftMarginLoss')."
            )
        self.crop_size = crop_size
        self.rule = ProposalRule(**proposals or {})

    def propose(self, probs: Tensor, batch_img_metas: Sequence[dict], size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Propose boxes inside the images, without padding.

        Args:
            probs: Probabilities of the first stage, ``(N, K, H, W)``; channel 0, the background, is not used.
            batch_img_metas: Meta information with the padding of each image, if any.
            size: Height and width of the padded inputs, in pixels.

        Returns:
            Boxes ``(N, B, 4)`` in fractions of the padded input, and a boolean map of the boxes that exist, ``(N, B)``.
            The first box is the whole image and always exists.
        """
        proposed = []
        for prob, inside in zip(probs, self.valid_locations(probs, batch_img_metas, size), strict=True):
            rows, columns = inside.any(1), inside.any(0)
            corner = torch.stack([columns.byte().argmax(), rows.byte().argmax()])
            prob = prob[1:, rows][:, :, columns]
            proposed.append(propose_boxes(prob, self.rule) + corner.repeat(2))
        valid = torch.zeros(len(probs), max(map(len, proposed)), dtype=torch.bool, device=probs.device)
        boxes = probs.new_zeros(*valid.shape, 4)
        for index, image_boxes in enumerate(proposed):
            valid[index, : len(image_boxes)] = True
            boxes[index, : len(image_boxes)] = image_boxes.to(boxes)
        height, width = probs.shape[2:]
        return boxes / boxes.new_tensor([width, height, width, height]), valid

    def score_boxes(self, crops: Sequence[Tensor]) -> Tensor:
        """Score crops: feature maps ``(M, C, h, w)`` to ``(M, K)``."""
        return self(crops).mean((2, 3))

    def aggregate_boxes(self, scores: Tensor, valid: Tensor) -> Tensor:
        """Aggregate the scores ``(N, K, B)`` of the ``valid (N, B)`` boxes to ``(N, K)``."""
        return self.aggregator(scores[..., None], valid[..., None])

    def loss_by_boxes(self, scores: Tensor, valid: Tensor, batch_data_samples: SampleList) -> dict[str, Tensor]:
        """Compute the losses of the aggregated scores against ``gt_label`` of the samples."""
        return self.compute_losses(scores[..., None], valid[..., None], batch_data_samples)
