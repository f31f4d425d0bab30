"""Comparison of images with texts by a CLIP, for the class maps of CLIP-ES."""

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.models.utils import resize
from torch import Tensor

from ...functional import numbers_on, valid_locations
from ...inference.class_maps.clip_es_maps import PromptMatch
from ...utils.metainfo import image_area


class PromptMatcher:
    """Part of a segmentor that compares images with the texts of its ``text_head``, by its CLIP ``backbone``.

    Each image runs through the network alone, without the padding of its batch.
    """

    backbone: Any
    decode_head: Any
    text_head: Any

    @property
    def gradient_layer(self) -> str:
        """Name of the layer whose gradients weight it, the normalization before the attention of the last block."""
        return f'backbone.{self.backbone.attention_input}'

    def match_prompts(self, image: Tensor, attention_layers: list[int]) -> PromptMatch:
        """Compare one image with the prompts, with what its class maps are made of.

        Args:
            image: The image without padding, ``(1, 3, H, W)``.
            attention_layers: Blocks whose attention is returned.
        """
        tokens = self.backbone.encode(image, attention_layers)
        classes, background = self.compare_image(tokens.maps[-1], image)
        prefix = tokens.prefix.shape[1]
        return PromptMatch(
            class_logits=classes[0],
            background_logits=background[0],
            attentions=[one[0].detach().float().mean(0)[prefix:, prefix:] for one in tokens.attentions],
            valid=self._valid(tokens.maps[-1], image),
        )

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
            maps = self.image_features(crop, meta)
            scores.append(self.place(self.decode_head(maps)[0], size, meta))
            classes, background = self.compare_image(maps[-1], crop)
            image_logits.append(torch.cat([background.logsumexp(-1, keepdim=True), classes], -1))
        return torch.stack(scores), torch.cat(image_logits)

    def image_features(self, image: Tensor, meta: dict) -> Sequence[Tensor]:
        """Extract the feature maps of one image without padding, ``(1, 3, H, W)``."""
        features: Sequence[Tensor] = self.backbone(image)
        return features

    def place(self, maps: Tensor, size: tuple[int, int], meta: dict) -> Tensor:
        """Interpolate maps ``(K, h, w)`` of an image's patches to its place in padded inputs, ``(K, *size)``."""
        covered = [side * self.backbone.patch_size for side in maps.shape[1:]]
        # In float32: half precision is not interpolated on every device.
        pixels = resize(maps[None].float(), size=tuple(covered), mode='bilinear', align_corners=False)[0]
        placed = maps.new_zeros(len(maps), *size, dtype=torch.float32)
        area = placed[(slice(None), *image_area(meta, size))]
        area.copy_(pixels[:, : area.shape[1], : area.shape[2]])
        return placed

    def compare_image(self, maps: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
        """Compare the mean token inside an image with the texts.

        Args:
            maps: Patch tokens of the last block, ``(1, D, h, w)``.
            image: The image without padding, ``(1, 3, H, W)``.

        Returns:
            Logits of the foreground classes ``(1, K - 1)``, and of the background words ``(1, B)``.
        """
        mean = maps[:, :, self._valid(maps, image)].mean(2)
        return self.text_head.split_similarity(mean)

    def _valid(self, maps: Tensor, image: Tensor) -> Tensor:
        """Mark the patches whose center is inside of an image, ``(h, w)``: the backbone pads to whole patches."""
        height, width = image.shape[2:]
        rows, columns = maps.shape[2:]
        covered = (rows * self.backbone.patch_size, columns * self.backbone.patch_size)
        extents = numbers_on(image.device, [(0, height, 0, width)])
        return valid_locations(extents, covered, (rows, columns))[0]
