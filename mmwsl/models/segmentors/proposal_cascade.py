"""Cascade whose score map proposes boxes, which a second network classifies."""

from typing import Any

import torch
from mmseg.utils import SampleList, add_prefix
from torch import Tensor

from ...functional import boxes_to_map, crop_and_resize
from ...inference import WholeScorer
from ...registry import MODELS
from ..decode_heads import LSEAggregationHead
from .frozen_first_stage import FrozenFirstStage


@MODELS.register_module()
class ProposalCascade(FrozenFirstStage):
    """Two-stage cascade in the manner of ProNet (Sun et al., CVPR 2016), trained from image-level labels.

    The first stage is a trained :class:`mmwsl.models.WeakEncoderDecoder`, whose checkpoint ``load_from`` names; it is
    frozen. Its score map proposes boxes of all classes, see :func:`mmwsl.functional.propose_boxes`: the boxes of absent
    classes are the hard examples of the second stage. The second stage scores the crop of each box for every class,
    and its scores, aggregated over the boxes, are trained on the image-level labels.

    At test time the logits of both stages are averaged (the geometric mean of their odds): for the image, the two
    aggregated logits; for a location, its logit and the mean logit of the boxes that contain it. ``mode='tensor'`` and
    saliency by guided back-propagation see the first stage only.

    Args:
        box_head: Config of a :class:`mmwsl.models.BoxAggregationHead` without ``background``: both stages have the
            background model of ``decode_head``.
        box_backbone: Config of the backbone of the second stage, which gets every box as an image, as in the paper.
            None crops the boxes from the feature map of the first stage, which costs much less.
        **kwargs: Passed to :class:`mmwsl.models.WeakEncoderDecoder`.

    Raises:
        ValueError: If ``decode_head`` does not aggregate or does not pad, the scorer does not score whole images,
            ``box_head`` has a ``background``, or the two heads have different numbers of classes.
    """

    def __init__(self, *, box_head: dict, box_backbone: dict | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(self.decode_head, LSEAggregationHead):
            raise ValueError(
                '`decode_head` of ProposalCascade must aggregate its score map, got '
                f"{type(self.decode_head).__name__}. Use type='mmwsl.LSEAggregationHead'."
            )
        scorer = self.pipeline.scorer
        if not isinstance(scorer, WholeScorer) or not self.same_padding:
            raise ValueError(
                'ProposalCascade proposes boxes in the score map of the whole image: `inference.scorer` must be a '
                f'WholeScorer and `decode_head.same_padding` True, got {type(scorer).__name__} and {self.same_padding}.'
            )
        self.box_backbone = None if box_backbone is None else MODELS.build(box_backbone)
        if 'background' in box_head:
            raise ValueError(
                '`box_head.background` must not be set, since both stages share the background of `decode_head`, got '
                f'{box_head["background"]!r}. Remove it.'
            )
        self.box_head = MODELS.build(dict(box_head, background=kwargs['decode_head'].get('background')))
        if self.box_head.num_classes != self.decode_head.num_classes:
            raise ValueError(
                f'`box_head.num_classes` must equal `decode_head.num_classes`, got {self.box_head.num_classes} and '
                f'{self.decode_head.num_classes}.'
            )
        self.freeze_first_stage()

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict[str, Tensor]:
        """Compute the losses of the second stage."""
        _, scores, _, valid = self._cascade(inputs, [sample.metainfo for sample in data_samples])
        return add_prefix(self.box_head.loss_by_boxes(scores, valid, data_samples), 'box')

    def score(
        self,
        inputs: Tensor,
        batch_img_metas: list[dict],
        input_size: tuple[int, int],
        covered_size: tuple[int, int],
    ) -> tuple[Tensor, Tensor | None]:
        """Return the score map and the image-level logits of both stages; see the parent."""
        score_map, scores, boxes, valid = self._cascade(inputs, batch_img_metas)
        box_map = boxes_to_map(scores, boxes, valid, (score_map.shape[2], score_map.shape[3]))
        image_logits = self.decode_head.aggregate(score_map, batch_img_metas, input_size, covered_size)
        return (score_map + box_map) / 2, (image_logits + self.box_head.aggregate_boxes(scores, valid)) / 2

    def _cascade(self, inputs: Tensor, batch_img_metas: list[dict]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Run both stages.

        Returns:
            The score map ``(N, K, h, w)``; the logits ``(N, K, B)`` of the boxes; the boxes ``(N, B, 4)``; and which of
            them exist, ``(N, B)``.
        """
        with torch.no_grad():
            features = self.extract_feat(inputs)
            score_map = self.decode_head(features)
            probs = self.decode_head.background.pixel_probs(score_map.float())
            boxes, valid = self.box_head.propose(probs, batch_img_metas, tuple(inputs.shape[2:]))
            maps = features if self.box_backbone is None else (inputs,)
            crops = tuple(crop_and_resize(level, boxes, self.box_head.crop_size).flatten(0, 1) for level in maps)
        if self.box_backbone is not None:
            crops = self.box_backbone(crops[0])
        scores = self.box_head.score_boxes(crops).unflatten(0, valid.shape)
        return score_map, scores.transpose(1, 2), boxes, valid
