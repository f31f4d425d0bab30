"""A cascade: the score map proposes boxes, a second network classifies them."""

import torch
from mmseg.models.utils import resize
from mmseg.utils import SampleList, add_prefix
from torch import Tensor

from ...functional import boxes_to_map, crop_and_resize
from ...registry import MODELS
from .weak_encoder_decoder import WeakEncoderDecoder


@MODELS.register_module()
class ProposalCascade(WeakEncoderDecoder):
    """Cascade in the manner of ProNet (Sun et al., CVPR 2016), trained from tags alone.

    The first stage is a trained :class:`mmwsl.models.WeakEncoderDecoder`, whose checkpoint ``load_from`` names; it
    does not train any more. Its score map proposes boxes, see :func:`mmwsl.functional.propose_boxes`, whatever the
    tags say: the boxes of classes that are absent are the second stage's hard examples. The second stage scores the
    crop of each box for every class, and its aggregate over the boxes is what the tags supervise.

    In prediction both stages have a say, by the mean of their logits, that is the geometric mean of the odds: for the
    image, of the two aggregates; for a cell, of its score and of the mean score of the boxes that hold it.

    Args:
        box_head: Config of a :class:`mmwsl.models.BoxAggregationHead`.
        box_backbone: Config of the second network's backbone, which sees every box zoomed, as in the paper. None
            takes the crops out of the first stage's feature map instead, which costs next to nothing.
        **kwargs: Of :class:`mmwsl.models.WeakEncoderDecoder`.

    Raises:
        ValueError: If ``test_cfg`` asks for sliding windows, a border or dense inference, or the two heads have
            different numbers of classes.
    """

    def __init__(self, *, box_head: dict, box_backbone: dict | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        for key in ('border', 'dense'):
            if key in (self.test_cfg or {}):
                raise ValueError(
                    f'`test_cfg.{key}` is not for a cascade: boxes come from the map as it was trained. Remove it'
                )
        if (self.test_cfg or {}).get('mode', 'whole') != 'whole':
            raise ValueError(
                "`test_cfg.mode` must be 'whole' for a cascade, since boxes are proposed for a whole "
                f'image, got {self.test_cfg.mode!r}'
            )
        self.box_backbone = None if box_backbone is None else MODELS.build(box_backbone)
        self.box_head = MODELS.build(box_head)
        if self.box_head.num_classes != self.decode_head.num_classes:
            raise ValueError(
                f'`box_head.num_classes` is {self.box_head.num_classes}, but `decode_head.num_classes` is '
                f'{self.decode_head.num_classes}: both stages score the same classes'
            )
        for part in self._first_stage():
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> 'ProposalCascade':
        """Set the mode; the layers of the first stage stay in evaluation mode."""
        super().train(mode)
        for part in self._first_stage():
            for layer in part.children():  # the part itself follows: a cache of features is for training images
                layer.eval()
        return self

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict[str, Tensor]:
        """Compute the losses of the second stage."""
        _, scores, _, valid = self._cascade(inputs, [sample.metainfo for sample in data_samples])
        return add_prefix(self.box_head.loss_by_boxes(scores, valid, data_samples), 'box')

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Score every pixel of the inputs by both stages, ``(N, 3, H, W)`` to ``(N, K, H, W)``."""
        return self._predict_logits(inputs, batch_img_metas)[0]

    def _predict_logits(self, inputs: Tensor, batch_img_metas: list[dict]) -> tuple[Tensor, Tensor]:
        cells, scores, boxes, valid = self._cascade(inputs, batch_img_metas)
        size = tuple(inputs.shape[2:])
        painted = boxes_to_map(scores, boxes, valid, tuple(cells.shape[2:]))
        seg_logits = resize((cells + painted) / 2, size=size, mode='bilinear', align_corners=self.align_corners)
        first = self.decode_head.aggregate(cells, batch_img_metas, size)
        return seg_logits, (first + self.box_head.aggregate_boxes(scores, valid)) / 2

    def _cascade(self, inputs: Tensor, batch_img_metas: list[dict]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Run both stages: score map ``(N, K, h, w)``, scores of boxes ``(N, K, B)``, the boxes, which exist."""
        with torch.no_grad():
            features = self.extract_feat(inputs)
            cells = self.decode_head(features)
            probs = self.decode_head.background.pixel_probs(cells.float())
            boxes, valid = self.box_head.propose(probs, batch_img_metas, tuple(inputs.shape[2:]))
            maps = features if self.box_backbone is None else (inputs,)
            crops = tuple(crop_and_resize(level, boxes, self.box_head.crop_size).flatten(0, 1) for level in maps)
        if self.box_backbone is not None:
            crops = self.box_backbone(crops[0])
        scores = self.box_head.score_boxes(crops).unflatten(0, valid.shape)
        return cells, scores.transpose(1, 2), boxes, valid

    def _first_stage(self) -> list[torch.nn.Module]:
        return [self.backbone, self.decode_head, *([self.neck] if self.with_neck else [])]
