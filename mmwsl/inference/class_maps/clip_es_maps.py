"""Class maps by CLIP's gradients and attention."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from mmseg.structures import SegDataSample
from mmseg.utils import SampleList
from torch import Tensor, nn

from ...functional import (
    attention_affinity,
    box_masks,
    gradient_class_maps,
    guided_attention,
    min_max_maps,
    prompt_probabilities,
    propagate_class_maps,
    recorded_layers,
)
from ...registry import CLASS_MAPS, MODELS
from ...utils.metainfo import image_area
from ...utils.sample_fields import AGGREGATING_HEAD
from ..segmentor import Segmentor
from .base import ClassMaps

GRADIENT_SCALE = 4096.0
"""Factor of gradients, a power of two, without which those of half precision are rounded to 0."""


@dataclass(frozen=True)
class PromptMatch:
    """An image compared with the prompts of a :class:`mmwsl.models.CLIPSegmentor`.

    Attributes:
        class_logits: Logits of the foreground classes, ``(K - 1,)``.
        background_logits: Logits of the background words, ``(B,)``.
        attentions: Attention between the patches in each chosen block, the mean over heads, ``(h * w, h * w)``.
        valid: Patches inside of the image, boolean ``(h, w)``.
    """

    class_logits: Tensor
    background_logits: Tensor
    attentions: list[Tensor]
    valid: Tensor


@CLASS_MAPS.register_module()
class CLIPESMaps(ClassMaps):
    """Class maps of CLIP-ES (Lin et al., CVPR 2023): softmax-GradCAM, refined by class-aware attention affinity.

    The probability of each present class is differentiated at the last block of CLIP. It is a softmax over the present
    classes and the background words, see :func:`mmwsl.functional.prompt_probabilities`; the map is
    :func:`mmwsl.functional.gradient_class_maps`. The values inside of its :func:`mmwsl.functional.box_masks` are
    propagated by :func:`mmwsl.functional.attention_affinity`. Classes that are not present have the map 0.

    Known image-level labels say which classes are present. A class without a known label is present if its image-level
    probability exceeds ``threshold``, which is not part of CLIP-ES.

    Args:
        attention_layers: Number of blocks, from the last one, whose attention is averaged. 0 does not refine.
        rounds: See :func:`mmwsl.functional.sinkhorn_normalize`.
        steps: See :func:`mmwsl.functional.propagate_class_maps`.
        box_threshold: See :func:`mmwsl.functional.box_masks`. The authors use 0.4 on VOC 2012 and 0.7 on COCO, selected
            with masks.
        background: Config of the background model, which gets the maps of the foreground classes. The default is that
            of CLIP-ES, ``dict(type='mmwsl.PowerBackground', alpha=1.0)``.
        threshold: Smallest image-level probability of a class without a known label, in [0, 1].
        tuned_on: Masks that the hyper-parameters were tuned on; None if they were fixed in advance.

    Raises:
        TypeError: If the background model is learned.
        ValueError: If an argument is out of range; when the segmentor is built, if it is no
            :class:`mmwsl.models.CLIPSegmentor` or has fewer blocks than ``attention_layers``.
    """

    required_fields = dict(pred_label=AGGREGATING_HEAD)

    def __init__(
        self,
        attention_layers: int = 8,
        rounds: int = 3,
        steps: int = 2,
        box_threshold: float = 0.4,
        background: dict | None = None,
        threshold: float = 0.5,
        tuned_on: str | None = None,
    ) -> None:
        for name, value in (('attention_layers', attention_layers), ('rounds', rounds), ('steps', steps)):
            if not isinstance(value, int) or value < 0:
                raise ValueError(f'`class_maps.{name}` must be a non-negative integer, got {value!r}.')
        if not 0 <= box_threshold < 1:
            raise ValueError(f'`class_maps.box_threshold` must be in [0, 1), got {box_threshold}.')
        if not 0 <= threshold <= 1:
            raise ValueError(f'`class_maps.threshold` must be in [0, 1], got {threshold}.')
        self.attention_layers, self.rounds, self.steps = attention_layers, rounds, steps
        self.box_threshold, self.threshold, self.tuned_on = box_threshold, threshold, tuned_on
        self.background = MODELS.build(background or dict(type='mmwsl.PowerBackground', alpha=1.0))
        if not hasattr(self.background, 'add_background'):
            raise TypeError(
                '`class_maps.background` must derive the background from the other classes, got '
                f"{type(self.background).__name__}. Use type='mmwsl.PowerBackground'."
            )

    def check(self, segmentor: Segmentor) -> None:
        """Check that the segmentor compares images with prompts; see the parent."""
        if not hasattr(segmentor, 'match_prompts'):
            raise ValueError(
                "`model.type` must be 'mmwsl.CLIPSegmentor' for the class maps of CLIPESMaps, got "
                f'{type(segmentor).__name__}. Change it.'
            )
        if not hasattr(backbone := cast(Any, segmentor).backbone, 'num_layers'):
            raise ValueError(
                "`model.backbone.type` must be 'mmwsl.TransformerBackbone' for the class maps of CLIPESMaps, got "
                f"{type(backbone).__name__}. Change it, or use the class maps 'mmwsl.Probabilities'."
            )
        super().check(segmentor)
        blocks = backbone.num_layers
        if self.attention_layers > blocks:
            raise ValueError(
                f'`class_maps.attention_layers` must be at most {blocks}, the blocks of the model, got '
                f'{self.attention_layers}.'
            )

    def __call__(
        self, segmentor: Segmentor, inputs: Tensor, data_samples: SampleList, scores: list[Tensor]
    ) -> list[Tensor]:
        """Compute the foreground maps of a batch, with a channel of zeros first; see :meth:`ClassMaps.__call__`."""
        clip, size = cast(Any, segmentor), (inputs.shape[2], inputs.shape[3])
        placed = []
        for image, sample in zip(inputs, data_samples, strict=True):
            crop = image[(None, slice(None), *image_area(sample.metainfo, size))]
            # Numbers: gradients cannot use a tensor that was made in inference mode.
            present = (sample.pred_label.score[1:] > self.threshold).nonzero().flatten().tolist()
            placed.append(clip.place(self.image_maps(clip, crop, present), size, sample.metainfo))
        blanks = [SegDataSample(metainfo=sample.metainfo) for sample in data_samples]
        # As for logits: crop the padding, undo the flip, resize.
        blanks = segmentor.postprocess_result(torch.stack(placed), blanks)
        return [blank.seg_logits.data for blank in blanks]

    def merge(self, views: Sequence[Tensor]) -> Tensor:
        """Average the foreground maps of all views and add the background."""
        return self.background.add_background(super().merge(views)[1:])

    def image_maps(
        self, clip: Any, image: Tensor, present: list[int], guide: Tensor | None = None, guided_layers: int = 6
    ) -> Tensor:
        """Return the class maps of the patches of one image.

        Args:
            clip: The segmentor.
            image: The image without padding, ``(1, 3, H, W)``.
            present: Numbers of the classes that are present, 0 for the first foreground class.
            guide: Affinity of the patches, ``(h * w, h * w)``, that selects and weights the attention of the last
                blocks, see :func:`mmwsl.functional.guided_attention`; None averages that of all chosen blocks.
            guided_layers: Number of blocks, from the last one, that it selects from.

        Returns:
            Maps, ``(K, h, w)``; the background and absent classes are 0.
        """
        blocks = clip.backbone.num_layers
        with recorded_layers(cast(nn.Module, clip), [clip.gradient_layer]) as record:
            match = clip.match_prompts(image, list(range(blocks - self.attention_layers, blocks)))
            maps = image.new_zeros(clip.num_classes, *match.valid.shape, dtype=torch.float32)
            if not present:
                return maps
            probs = prompt_probabilities(match.class_logits[present], match.background_logits)
            (gradients,) = record.gradients(probs, GRADIENT_SCALE * torch.eye(len(present), device=probs.device))
        rows, columns = match.valid.shape
        prefix = gradients.shape[2] - rows * columns  # tokens that are no patches
        activations = record.outputs[clip.gradient_layer][0, prefix:].detach().T.unflatten(1, (rows, columns))
        gradients = gradients[:, 0, prefix:].transpose(1, 2).unflatten(2, (rows, columns)).float() / GRADIENT_SCALE
        found = gradient_class_maps(activations, gradients, match.valid)
        maps[[k + 1 for k in present]] = (
            self._refine(found, match, guide, guided_layers) if self.attention_layers else found
        )
        return maps

    def _refine(self, maps: Tensor, match: PromptMatch, guide: Tensor | None, guided_layers: int) -> Tensor:
        """Propagate maps ``(C, h, w)`` between the patches of the image."""
        inside = match.valid.flatten()
        attentions = [one[inside][:, inside] for one in match.attentions]
        if guide is not None:
            attentions = [guided_attention(attentions[-guided_layers:], guide[inside][:, inside])]
        affinity = attention_affinity(attentions, self.rounds)
        sources = box_masks(maps, self.box_threshold)
        refined = torch.zeros_like(maps)
        refined[:, match.valid] = min_max_maps(
            propagate_class_maps(maps[:, match.valid], affinity, sources[:, match.valid], self.steps)
        )
        return refined
