"""Segmentor that decodes a frozen CLIP, with labels that the same CLIP makes online."""

from typing import Any

import torch
from mmengine.logging import MessageHub
from mmseg.models.utils import resize
from mmseg.utils import SampleList
from torch import Tensor
from torch.nn import functional as F

from ...functional import foreground_balanced_mean, numbers_on, pixel_adaptive_refinement, token_affinity_loss
from ...inference import CLIPESMaps, Probabilities, WholeScorer
from ...registry import CLASS_MAPS, MODELS
from ...utils.metainfo import image_area
from ..backbones import TransformerBackbone
from ..decode_heads.weclip_head import WeCLIPHead
from .prompt_matcher import PromptMatcher
from .weak_encoder_decoder import WeakEncoderDecoder

IGNORED = 255


@MODELS.register_module()
class WeCLIP(PromptMatcher, WeakEncoderDecoder):
    r"""Segmentor with a frozen CLIP and a trained light decoder (WeCLIP, Zhang et al., CVPR 2024).

    The class maps of CLIP-ES of the present classes, with the background 1 - max, are refined by the colors, and their
    argmax labels every pixel of a training image; in an image with an unknown label, the background is ignored. With
    these labels :math:`y`, the logits z and the affinity A of the decoder, the loss is

    .. math:: L = \text{balanced cross-entropy}(z, y) + \lambda L_\text{aff}(A, y)

    see :func:`mmwsl.functional.foreground_balanced_mean` and :func:`mmwsl.functional.token_affinity_loss`. From
    iteration ``guided_from`` on, the affinity of the decoder selects and weights the attention that refines the class
    maps, see :func:`mmwsl.functional.guided_attention`. CLIP is never trained; the labels need no masks.

    Images run through the network alone, without the padding of their batch. Predictions are those of the decoder;
    image-level probabilities are those of CLIP, as of :class:`mmwsl.models.CLIPSegmentor`.

    Args:
        text_head: Config of a :class:`mmwsl.models.TextSimilarityHead` of the folder of the backbone.
        label_maps: Config of the class maps of the labels, a :class:`mmwsl.inference.CLIPESMaps`.
        refinement: Arguments of :func:`mmwsl.functional.pixel_adaptive_refinement`, by default those of WeCLIP.
        affinity_weight: Weight :math:`\lambda`, non-negative; 0.1 in WeCLIP.
        affinity_radius: See :func:`mmwsl.functional.token_affinity_loss`.
        guided_from: Iteration from which the decoder guides the labels; None never. 15000 of 30000 in WeCLIP.
        guided_layers: Number of blocks, from the last one, that it selects from; 6 in WeCLIP.
        **kwargs: Passed to :class:`mmwsl.models.WeakEncoderDecoder`. The backbone is a frozen
            :class:`mmwsl.models.TransformerBackbone`, and the head a :class:`mmwsl.models.WeCLIPHead`.

    Raises:
        ValueError: If a part is another one, or an argument is out of range.
    """

    backbone: TransformerBackbone
    decode_head: WeCLIPHead

    def __init__(
        self,
        *,
        text_head: dict,
        label_maps: dict | None = None,
        refinement: dict | None = None,
        affinity_weight: float = 0.1,
        affinity_radius: int = 8,
        guided_from: int | None = 15000,
        guided_layers: int = 6,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.text_head = MODELS.build(text_head)
        self.label_maps = CLASS_MAPS.build(label_maps or dict(type='mmwsl.CLIPESMaps'))
        steps = self.pipeline
        for name, part, kind in (
            ('backbone', self.backbone, TransformerBackbone),
            ('decode_head', self.decode_head, WeCLIPHead),
            ('label_maps', self.label_maps, CLIPESMaps),
            ('inference.scorer', steps.scorer, WholeScorer),
            ('inference.class_maps', steps.class_maps, Probabilities),
        ):
            if type(part) is not kind:
                raise ValueError(f'WeCLIP: `{name}` must be a {kind.__name__}, got {type(part).__name__}.')
        if not self.backbone.frozen or self.backbone.layers[-1] != self.backbone.num_layers - 1:
            raise ValueError(
                'WeCLIP: `backbone` must be frozen, and the last of its `layers` the last block, got '
                f'frozen={self.backbone.frozen} and layers={self.backbone.layers}.'
            )
        if self.text_head.num_classes != self.num_classes or self.text_head.in_channels != self.backbone.embed_dim:
            raise ValueError(
                f'WeCLIP: `text_head` must have {self.num_classes} classes and the folder of the backbone, got '
                f'{self.text_head.num_classes} classes and {self.text_head.in_channels} channels.'
            )
        if not affinity_weight >= 0 or guided_layers < 1:
            raise ValueError(
                'WeCLIP: `affinity_weight` must be non-negative and `guided_layers` at least 1, got '
                f'{affinity_weight} and {guided_layers}.'
            )
        self.label_maps.check(self)
        self.refinement = dict(variant='par', iterations=20) | (refinement or {})
        pixel_adaptive_refinement(torch.zeros(2, 1, 1), torch.zeros(3, 1, 1), **self.refinement)  # rejects bad values
        self.affinity_weight, self.affinity_radius = affinity_weight, affinity_radius
        self.guided_from, self.guided_layers = guided_from, guided_layers

    @property
    def aggregates(self) -> bool:
        """Whether there are image-level logits; always, from the mean of CLIP's tokens."""
        return True

    @property
    def provenance(self) -> dict[str, str]:
        """Supervision of the predictions; see the parent. The labels of the training have hyper-parameters too."""
        return self.label_maps.provenance | super().provenance

    @property
    def guided(self) -> bool:
        """Whether the decoder guides the labels in this iteration of a training."""
        iteration = MessageHub.get_current_instance().runtime_info.get('iter', 0)
        return self.guided_from is not None and iteration >= self.guided_from

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict[str, Tensor]:
        """Compute the losses of a batch, the means over its images."""
        totals: list[tuple[Tensor, Tensor]] = []
        size = (inputs.shape[2], inputs.shape[3])
        for image, sample in zip(inputs, data_samples, strict=True):
            crop = image[(None, slice(None), *image_area(sample.metainfo, size))]
            features = self.decode_head.features(self.extract_feat(crop))
            seg_logits = self.decode_head.decode(features)
            with torch.autocast(inputs.device.type, enabled=False):
                affinity = self.decode_head.affinity(features)
                labels = self.label_pixels(crop, sample, affinity.detach()[0] if self.guided else None)
                totals.append(self._losses(seg_logits.float(), affinity, labels, features.shape[2:]))
        segmentation, affinities = (torch.stack(parts).mean() for parts in zip(*totals, strict=True))
        return {
            'decode.loss_seg': segmentation,
            'decode.loss_affinity': self.affinity_weight * affinities,
        }

    def label_pixels(self, image: Tensor, sample: Any, guide: Tensor | None = None) -> Tensor:
        """Label every pixel of an image by CLIP.

        Args:
            image: The image without padding, ``(1, 3, H, W)``.
            sample: Its data sample, with image-level labels.
            guide: Affinity of the decoder between patches; see :meth:`mmwsl.inference.CLIPESMaps.image_maps`.

        Returns:
            Classes, ``(H, W)`` int64. If the presence of a class is unknown, the background may show it and is ignored.
        """
        size, labels = (image.shape[2], image.shape[3]), sample.gt_label.score[1:]
        present = (labels == 1).nonzero().flatten().tolist()
        background = IGNORED if (labels == -1).any() else 0
        if not present:
            return torch.full(size, background, dtype=torch.int64, device=image.device)
        image = image.float()
        maps = self.label_maps.image_maps(self, image, present, guide, self.guided_layers).detach()
        placed = self.place(maps, size, dict(img_shape=size))[1:]
        # The few maps of present classes are refined, the others are 0.
        chosen = self.label_maps.background.add_background(placed[present])
        refined = pixel_adaptive_refinement(chosen, image[0], **self.refinement)
        numbers = numbers_on(image.device, [background, *(k + 1 for k in present)])
        return numbers[refined.argmax(0)]

    def _losses(self, seg_logits: Tensor, affinity: Tensor, labels: Tensor, grid: torch.Size) -> tuple[Tensor, Tensor]:
        """Return the losses of the decoder and of its affinity, for labels ``(H, W)``."""
        covered = [side * self.backbone.patch_size for side in grid]
        logits = resize(seg_logits, size=tuple(covered), mode='bilinear', align_corners=False)
        logits = logits[:, :, : labels.shape[0], : labels.shape[1]]
        losses = F.cross_entropy(logits, labels[None], reduction='none', ignore_index=IGNORED)
        # The label of a patch is that of its center; a patch whose center is padding has none.
        of_patches = labels.new_full((1, *grid), IGNORED)
        middle = self.backbone.patch_size // 2
        centers = labels[middle :: self.backbone.patch_size, middle :: self.backbone.patch_size]
        of_patches[0, : centers.shape[0], : centers.shape[1]] = centers
        segmentation = foreground_balanced_mean(losses, labels[None], labels[None] != IGNORED)
        return segmentation, token_affinity_loss(affinity, of_patches, self.affinity_radius, IGNORED)
