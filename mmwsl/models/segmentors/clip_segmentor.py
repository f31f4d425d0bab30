"""Segmentor without training, by CLIP."""

from typing import Any

import torch
from mmseg.models.utils import resize
from mmseg.utils import SampleList
from torch import Tensor

from ...functional import valid_locations
from ...inference import ClassActivationMaps, CLIPESMaps, Probabilities, WholeScorer
from ...inference.class_maps.clip_es_maps import PromptMatch
from ...registry import MODELS
from ...utils.metainfo import image_area
from ..backbones import TransformerBackbone
from ..decode_heads import TextSimilarityHead
from .weak_encoder_decoder import WeakEncoderDecoder

CLASS_MAPS = (CLIPESMaps, ClassActivationMaps, Probabilities)


@MODELS.register_module()
class CLIPSegmentor(WeakEncoderDecoder):
    """Segmentor that compares images with class names by a frozen CLIP; it is not trained.

    An image runs through the network alone, without the padding of its batch, so its result does not depend on other
    images. Its image-level logits compare the mean of its patch tokens with the texts, as in CLIP-ES (Lin et al., CVPR
    2023), and not the class token, as CLIP does. Its score map compares each patch token.

    Args:
        **kwargs: Passed to :class:`mmwsl.models.WeakEncoderDecoder`. The backbone is a
            :class:`mmwsl.models.TransformerBackbone` of a CLIP folder, and the head a
            :class:`mmwsl.models.TextSimilarityHead` of the same folder.

    Raises:
        ValueError: If a part of the model or of its inference is another one.
    """

    training_free = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        steps = self.pipeline
        parts = (
            ('backbone', self.backbone, (TransformerBackbone,)),
            ('decode_head', self.decode_head, (TextSimilarityHead,)),
            ('inference.scorer', steps.scorer, (WholeScorer,)),
            ('inference.class_maps', steps.class_maps, CLASS_MAPS),
        )
        for name, part, kinds in parts:
            if type(part) not in kinds:
                raise ValueError(
                    f'CLIPSegmentor: `{name}` must be a {" or ".join(kind.__name__ for kind in kinds)}, got '
                    f'{type(part).__name__}.'
                )
        if self.with_neck or self.with_auxiliary_head:
            raise ValueError('CLIPSegmentor: `neck` and `auxiliary_head` must be None, got one. Remove it.')
        if self.backbone.embed_dim != self.decode_head.in_channels:
            raise ValueError(
                'CLIPSegmentor: `backbone.folder` and `decode_head.folder` must be one model, got features of '
                f'{self.backbone.embed_dim} and {self.decode_head.in_channels} channels.'
            )

    @property
    def aggregates(self) -> bool:
        """Whether there are image-level logits; always, from the mean of the tokens."""
        return True

    @property
    def gradient_layer(self) -> str:
        """Name of the layer whose gradients weight it, the normalization before the attention of the last block."""
        return f'backbone.{self.backbone.attention_input}'

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict[str, Tensor]:
        """Reject training."""
        raise ValueError('CLIPSegmentor is not trained. Predict with it, or train another model on its pseudo-labels.')

    def score(
        self,
        inputs: Tensor,
        batch_img_metas: list[dict],
        input_size: tuple[int, int],
        covered_size: tuple[int, int],
    ) -> tuple[Tensor, Tensor | None]:
        """Return scores of every pixel, 0 where an image is padded, and ``image_logits``; see the parent."""
        size, scores, image_logits = (inputs.shape[2], inputs.shape[3]), [], []
        for image, meta in zip(inputs, batch_img_metas, strict=True):
            crop = image[(None, slice(None), *image_area(meta, size))]
            maps = self.backbone(crop)
            seg_logits = self.decode_head(maps)[0]
            scores.append(self.place(seg_logits, size, meta))
            classes, background = self._compare_image(maps[-1], crop)
            image_logits.append(torch.cat([background.logsumexp(-1, keepdim=True), classes], -1))
        return torch.stack(scores), torch.cat(image_logits)

    def match_prompts(self, image: Tensor, attention_layers: list[int]) -> PromptMatch:
        """Compare one image with the prompts, with what its class maps are made of.

        Args:
            image: The image without padding, ``(1, 3, H, W)``.
            attention_layers: Blocks whose attention is returned.
        """
        tokens = self.backbone.encode(image, attention_layers)
        classes, background = self._compare_image(tokens.maps[-1], image)
        prefix = tokens.prefix.shape[1]
        return PromptMatch(
            class_logits=classes[0],
            background_logits=background[0],
            attentions=[one[0].detach().float().mean(0)[prefix:, prefix:] for one in tokens.attentions],
            valid=self._valid(tokens.maps[-1], image),
        )

    def place(self, maps: Tensor, size: tuple[int, int], meta: dict) -> Tensor:
        """Interpolate maps ``(K, h, w)`` of an image's patches to its place in padded inputs, ``(K, *size)``."""
        covered = [side * self.backbone.patch_size for side in maps.shape[1:]]
        # In float32: half precision is not interpolated on every device.
        pixels = resize(maps[None].float(), size=tuple(covered), mode='bilinear', align_corners=False)[0]
        placed = maps.new_zeros(len(maps), *size, dtype=torch.float32)
        area = placed[(slice(None), *image_area(meta, size))]
        area.copy_(pixels[:, : area.shape[1], : area.shape[2]])
        return placed

    def _compare_image(self, maps: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
        """Compare the mean token inside an image with the texts, to ``(1, K - 1)`` and ``(1, B)``."""
        mean = maps[:, :, self._valid(maps, image)].mean(2)
        return self.decode_head.split_similarity(mean)

    def _valid(self, maps: Tensor, image: Tensor) -> Tensor:
        """Mark the patches whose center is inside of an image, ``(h, w)``: the backbone pads to whole patches."""
        height, width = image.shape[2:]
        rows, columns = maps.shape[2:]
        covered = (rows * self.backbone.patch_size, columns * self.backbone.patch_size)
        extents = torch.tensor([(0, height, 0, width)], device=image.device)
        return valid_locations(extents, covered, (rows, columns))[0]
