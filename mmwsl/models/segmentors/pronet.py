"""Cascade of a multi-scale proposal network and classifiers of its boxes."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from mmseg.utils import SampleList
from torch import Tensor, nn

from ...functional import (
    box_peak_map,
    crop_and_resize,
    location_boxes,
    sample_training_pairs,
    select_class_boxes,
)
from ...registry import MODELS
from ...utils.metainfo import image_padding
from ..backbones import ScalePyramid
from ..backgrounds import SigmoidBackground
from ..decode_heads import LSEAggregationHead
from ..decode_heads.supervision import collect_supervision
from ..losses import WeakSupervision
from .frozen_first_stage import FrozenFirstStage
from .proposal_network import ProposalNetwork

MAP_STRIDE = 4  # pixels per location of the map of boxes
EPSILON = 1e-6


@MODELS.register_module()
class ProNet(FrozenFirstStage, ProposalNetwork):
    r"""Cascade of ProNet (Sun et al., CVPR 2016), trained from image-level labels.

    Level 1 is a trained and frozen :class:`ProposalNetwork`. Each of its locations at each scale is a box, the window
    of ``field`` pixels around it. Level 2 classifies the pixels of boxes, with one network for all classes (a chain) or
    one per group of classes (a tree), which only gets the boxes of its group.

    In training, level 2 gets the best box of classes that the image contains, and as many of the highest-scoring boxes
    of classes that it does not contain: the mistakes of level 1. Each box trains the logit of its class.

    At test time, :math:`p_k(b) = p^1_k(b) \, p^2_k(b)` for the selected boxes of each class. The image-level
    probability of a class is that of its best box, and 0 without one. The map of a class has its maximum at the center
    of that box, see :func:`mmwsl.functional.box_peak_map`. ``mode='tensor'`` is level 1.

    The paper's thresholds, fusion and number of boxes are not verified: the arguments are choices.

    Args:
        box_backbone: Config of the backbone of level 2.
        box_head: Config of the head of level 2, a :class:`mmwsl.models.LSEAggregationHead` without ``background``,
            whose aggregator pools the locations of a crop.
        field: Side in pixels of the window of a location, at every scale: the receptive field, or a smaller part of it
            that decides the score.
        groups: Class indices of each network of level 2, every foreground class once. None is one network.
        crop_size: Side in pixels that boxes are resized to.
        threshold: Probability of level 1 that a selected box exceeds, in [0, 1].
        max_boxes: Largest number of selected boxes per class; all if None.
        max_overlap: Largest intersection over union of two selected boxes of a class, in [0, 1].
        max_pairs: Largest number of boxes of a training batch.
        **kwargs: Passed to :class:`ProposalNetwork`.

    Raises:
        ValueError: If the backbone is no :class:`mmwsl.models.ScalePyramid`, the classes are not independent,
            ``groups`` does not list every foreground class once, ``threshold`` or ``max_overlap`` is not in [0, 1], or
            ``box_head`` has a ``background`` or another number of classes.
    """

    def __init__(
        self,
        *,
        box_backbone: dict,
        box_head: dict,
        field: int,
        groups: Sequence[Sequence[int]] | None = None,
        crop_size: int = 224,
        threshold: float = 0.01,
        max_boxes: int | None = 2,
        max_overlap: float = 0.5,
        max_pairs: int = 32,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in dict(threshold=threshold, max_overlap=max_overlap).items():
            if not 0 <= value <= 1:
                raise ValueError(f'ProNet: `{name}` must be in [0, 1], got {value}.')
        pyramids = [part for part in self.backbone.modules() if isinstance(part, ScalePyramid)]
        if len(pyramids) != 1:
            raise ValueError(
                f'ProNet: `backbone` must be a ScalePyramid, or a cache of one, got {type(self.backbone).__name__}.'
            )
        if not isinstance(self.background, SigmoidBackground):
            raise ValueError(
                'ProNet: `decode_head.background` must be of independent classes, got '
                f"{type(self.background).__name__}. Use dict(type='mmwsl.ConstantBackground')."
            )
        if box_head.get('background') is not None or box_head['num_classes'] != self.num_classes:
            raise ValueError(
                'ProNet: `box_head` must have the background and the number of classes of `decode_head`, got '
                f'{box_head.get("background")!r} and {box_head["num_classes"]}. Remove the background, and set '
                f'`num_classes` to {self.num_classes}.'
            )
        self.scales = pyramids[0].scales
        groups = [range(1, self.num_classes)] if groups is None else groups
        if sorted(index for group in groups for index in group) != list(range(1, self.num_classes)):
            raise ValueError(
                f'ProNet: `groups` must list each of the classes 1 to {self.num_classes - 1} once, got '
                f'{[list(group) for group in groups]}.'
            )
        self.groups = [list(group) for group in groups]
        background = kwargs['decode_head'].get('background')
        self.box_backbones = nn.ModuleList(MODELS.build(box_backbone) for _ in self.groups)
        self.box_heads = nn.ModuleList(MODELS.build(dict(box_head, background=background)) for _ in self.groups)
        self.field, self.crop_size, self.max_pairs = field, crop_size, max_pairs
        self.selection: dict[str, Any] = dict(threshold=threshold, max_boxes=max_boxes, max_overlap=max_overlap)
        self.freeze_first_stage()

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict[str, Tensor]:
        """Compute the losses of level 2."""
        metas = [sample.metainfo for sample in data_samples]
        probs, boxes, valid = self.propose(inputs, metas)
        labels = collect_supervision(data_samples, self.num_classes, valid, use_masks=False).image_labels
        best, places = probs.max(2)
        (images, classes), targets = sample_training_pairs(best, labels[:, 1:], self.max_pairs)
        # A term of 0 for every parameter: a network without boxes has a gradient, too.
        trained = [*self.box_backbones.parameters(), *self.box_heads.parameters()]
        losses = {'box.loss_cls': 0.0 * torch.stack([parameter.sum() for parameter in trained]).sum()}
        logits = self.classify(inputs, images, boxes[images, places[images, classes]], classes)
        for head, chosen, own in logits:
            image_labels = own.new_full(own.shape, -1.0)
            image_labels[range(len(own)), classes[chosen] + 1] = targets[chosen].to(own)
            supervision = WeakSupervision(image_labels, valid[images[chosen]])
            for loss in head.losses:
                value = loss(own, supervision) * len(own) / len(classes)
                losses[f'box.{loss.loss_name}'] = losses.get(f'box.{loss.loss_name}', 0) + value
        return losses

    def score(
        self,
        inputs: Tensor,
        batch_img_metas: list[dict],
        input_size: tuple[int, int],
        covered_size: tuple[int, int],
    ) -> tuple[Tensor, Tensor | None]:
        """Return the map of the boxes and the image-level logits; see the parent."""
        probs, boxes, _ = self.propose(inputs, batch_img_metas)
        size = tuple(-(-side // MAP_STRIDE) for side in inputs.shape[2:])
        maps = probs.new_zeros(len(inputs), self.num_classes, *size)
        best = probs.new_zeros(len(inputs), self.num_classes)
        for n, (prob, own) in enumerate(zip(probs, boxes, strict=True)):
            classes, places = select_class_boxes(prob, own, **self.selection)
            scores = prob[classes, places]
            for _, chosen, logits in self.classify(inputs, torch.full_like(classes, n), own[places], classes):
                scores[chosen] *= logits[range(len(logits)), classes[chosen] + 1].sigmoid().to(scores)
            for index in classes.unique().tolist():
                chosen = classes == index
                best[n, index + 1] = scores[chosen].max()
                maps[n, index + 1] = box_peak_map(scores[chosen], own[places[chosen]], size)
        return maps.logit(EPSILON), best.logit(EPSILON)

    @torch.no_grad()
    def propose(self, inputs: Tensor, batch_img_metas: Sequence[dict]) -> tuple[Tensor, Tensor, Tensor]:
        """Run level 1.

        Returns:
            Probabilities of the foreground classes at the locations of all scales, ``(N, K - 1, L)``, -1 in the
            padding; the boxes ``(N, L, 4)`` of the locations, as fractions of the padded input and cut at the borders
            of the image; and which locations lie in their image, ``(N, L, 1)``.
        """
        height, width = inputs.shape[2:]
        levels = self.decode_head.score_levels(self.extract_feat(inputs))
        scores, valid = self.decode_head.join_levels(levels, batch_img_metas, (height, width))
        probs = scores[:, 1:, :, 0].float().sigmoid().masked_fill(~valid[:, None, :, 0], -1.0)
        boxes = torch.cat(
            [
                location_boxes(level.shape[2:], (self.field / height / s, self.field / width / s), inputs.device)
                for level, s in zip(levels, self.scales, strict=True)
            ]
        )
        extents = []
        for meta in batch_img_metas:
            left, right, top, bottom = image_padding(meta)
            extents.append([left / width, top / height, 1 - right / width, 1 - bottom / height])
        borders = boxes.new_tensor(extents)[:, None]
        corners = boxes[None].maximum(borders[..., :2].repeat(1, 1, 2)).minimum(borders[..., 2:].repeat(1, 1, 2))
        return probs, corners, valid

    def classify(
        self, inputs: Tensor, images: Tensor, boxes: Tensor, classes: Tensor
    ) -> list[tuple[LSEAggregationHead, Tensor, Tensor]]:
        """Run level 2 on the boxes ``(M, 4)`` of ``images (M,)`` for ``classes (M,)``, foreground classes from 0.

        Returns:
            For every network with boxes: its head, the indices of its boxes, and their logits ``(m, K)``.
        """
        found = []
        heads = cast(list[LSEAggregationHead], list(self.box_heads))
        for group, backbone, head in zip(self.groups, self.box_backbones, heads, strict=True):
            chosen = torch.nonzero(torch.isin(classes + 1, torch.tensor(group, device=classes.device)))[:, 0]
            if not len(chosen):
                continue
            crops = torch.cat(
                [
                    crop_and_resize(inputs[n : n + 1], box[None, None], self.crop_size)[0]
                    for n, box in zip(images[chosen].tolist(), boxes[chosen], strict=True)
                ]
            )
            found.append((head, chosen, head.aggregator(head(backbone(crops)))))
        return found
