"""SAM, from a folder on disk."""

from dataclasses import dataclass
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from ..registry import MODELS
from .backbones.model_folder import load_model, read_model_config, read_normalization
from .backbones.transformer_backbone import DTYPES


@dataclass(frozen=True)
class EncodedImage:
    """An image encoded by :class:`SegmentAnything`.

    Attributes:
        embedding: Features, ``(1, D, h, w)``.
        size: Height and width of the image.
        scaled: Height and width of the part of the network's input that the image fills.
    """

    embedding: Tensor
    size: tuple[int, int]
    scaled: tuple[int, int]


@MODELS.register_module()
class SegmentAnything(BaseModule):
    """SAM (Kirillov et al., ICCV 2023): class-agnostic masks of an image, prompted by points or boxes; it is frozen.

    An image is resized to the longer side of the network, and padded with zeros after its normalization.

    Args:
        folder: Folder of a SAM model of ``transformers``, such as a copy of ``facebook/sam-vit-base``.
        dtype: ``'float32'``, ``'float16'`` or ``'bfloat16'``: precision of the image encoder. Prompts and masks are in
            float32: half precision would move points by several pixels.

    Raises:
        FileNotFoundError: If there is no such folder.
        ImportError: If ``transformers`` is not installed.
        ValueError: If the folder has no SAM, or ``dtype`` is another one.
    """

    def __init__(self, folder: str, dtype: str = 'float32') -> None:
        super().__init__()
        if dtype not in DTYPES:
            raise ValueError(f'SegmentAnything: `dtype` must be one of {DTYPES}, got {dtype!r}.')
        config = read_model_config(folder)
        if config.model_type != 'sam':
            raise ValueError(
                f'SegmentAnything: `folder` must have a SAM model, got {config.model_type!r} in {folder!r}.'
            )
        self.side: int = config.vision_config.image_size
        mean, std = read_normalization(folder)
        self.register_buffer('mean', torch.tensor(mean).view(3, 1, 1), False)
        self.register_buffer('std', torch.tensor(std).view(3, 1, 1), False)
        self.model: Any = load_model(folder, 'SamModel', config)
        self.dtype: torch.dtype = getattr(torch, dtype)
        self.model.vision_encoder.to(self.dtype)
        self.requires_grad_(False)

    def init_weights(self) -> None:
        """Keep the weights of the folder."""

    def train(self, mode: bool = True) -> 'SegmentAnything':
        """Stay in evaluation mode."""
        return super().train(False)

    @torch.no_grad()
    def encode(self, image: Tensor) -> EncodedImage:
        """Encode an image once, for any number of prompts.

        Args:
            image: BGR, ``(3, H, W)`` in 0 to 255, on any device.
        """
        size = (image.shape[1], image.shape[2])
        scale = self.side / max(size)
        scaled = (max(1, int(size[0] * scale + 0.5)), max(1, int(size[1] * scale + 0.5)))
        rgb = image.flip(0)[None].to(self.mean.device, torch.float32)
        resized = F.interpolate(rgb, scaled, mode='bilinear', antialias=True, align_corners=False)
        normalized = (resized - self.mean) / self.std
        padded = F.pad(normalized, (0, self.side - scaled[1], 0, self.side - scaled[0]))
        return EncodedImage(self.model.get_image_embeddings(padded.to(self.dtype)).float(), size, scaled)

    @torch.no_grad()
    def prompt(
        self, encoded: EncodedImage, points: Tensor | None = None, boxes: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Predict the masks of points, three each, or of boxes, one each.

        Args:
            encoded: The image.
            points: Points on objects, ``(P, 2)``, x and y in pixels of the image.
            boxes: Boxes around objects, ``(P, 4)``, left, top, right, bottom in pixels.

        Returns:
            Logits of the masks ``(P, n, h, w)`` at the resolution of the network, see :meth:`upsample`, and the IoU
            that the network predicts for each, ``(P, n)``; in float32.

        Raises:
            ValueError: If not exactly one of ``points`` and ``boxes`` is given.
        """
        given = points if boxes is None else boxes
        if given is None or (points is not None and boxes is not None):
            raise ValueError('SegmentAnything: `points` or `boxes` must be given, got both or none of them.')
        factors = torch.tensor([encoded.scaled[1] / encoded.size[1], encoded.scaled[0] / encoded.size[0]])
        scaled = (given.cpu().float().unflatten(1, (-1, 2)) * factors).to(self.mean.device)
        prompts: dict[str, Tensor] = dict(input_boxes=scaled.flatten(1)[None])
        if boxes is None:
            labels = torch.ones(1, len(scaled), 1, dtype=torch.int64, device=scaled.device)
            prompts = dict(input_points=scaled[None], input_labels=labels)
        output = self.model(image_embeddings=encoded.embedding, multimask_output=boxes is None, **prompts)
        return output.pred_masks[0].float(), output.iou_scores[0].float()

    def upsample(self, encoded: EncodedImage, logits: Tensor) -> Tensor:
        """Interpolate mask logits ``(n, h, w)`` to the size of the image, ``(n, H, W)``."""
        full = F.interpolate(logits[None], (self.side, self.side), mode='bilinear', align_corners=False)
        cropped = full[:, :, : encoded.scaled[0], : encoded.scaled[1]]
        return F.interpolate(cropped, encoded.size, mode='bilinear', align_corners=False)[0]
