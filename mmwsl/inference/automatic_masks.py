"""Masks of everything in an image, by a network that is prompted with a grid of points."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..functional import mask_stability, non_maximum_suppression, point_grid

FULL_SIZE = 8
"""Masks that are interpolated to the size of the image together."""


@dataclass(frozen=True)
class AutomaticMaskRule:
    """Which masks of a grid of points are kept; the defaults are those of SAM (Kirillov et al., ICCV 2023, App. B).

    Attributes:
        points_per_side: Points a side of the grid, at least 1.
        min_iou: Smallest IoU that the network predicts for a mask.
        min_stability: Smallest :func:`mmwsl.functional.mask_stability`.
        max_overlap: Largest IoU of the bounding boxes of two masks; of two that overlap more, the mask with the higher
            predicted IoU remains.
        points_per_batch: Points that are predicted together, at least 1.
    """

    points_per_side: int = 32
    min_iou: float = 0.88
    min_stability: float = 0.95
    max_overlap: float = 0.7
    points_per_batch: int = 64

    def __post_init__(self) -> None:
        for name in ('points_per_side', 'points_per_batch'):
            if getattr(self, name) < 1:
                raise ValueError(f'`{name}` must be at least 1, got {getattr(self, name)}.')
        for name in ('min_iou', 'min_stability', 'max_overlap'):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f'`{name}` must be in [0, 1], got {getattr(self, name)}.')


def automatic_masks(model: Any, image: Tensor, rule: AutomaticMaskRule | None = None) -> tuple[Tensor, Tensor]:
    """Return the masks of everything in an image.

    An image without a mask that fulfills the rule keeps the one with the highest predicted IoU, so that there is always
    one; if all masks are empty, the whole image is the mask.

    Args:
        model: A :class:`mmwsl.models.SegmentAnything`.
        image: BGR, ``(3, H, W)`` in 0 to 255.
        rule: The rule; the defaults of :class:`AutomaticMaskRule` if None.

    Returns:
        Masks ``(n, H, W)`` bool on the CPU, and their predicted IoU ``(n,)``, in descending order.
    """
    rule = rule or AutomaticMaskRule()
    encoded = model.encode(image)
    kept: list[tuple[float, Tensor, np.ndarray]] = []  # bits, as a large image may have thousands of masks
    best, found = (0.0, *_packed(torch.ones(encoded.size, dtype=torch.bool))), False
    for points in point_grid(rule.points_per_side, encoded.size).split(rule.points_per_batch):
        logits, ious = (values.flatten(0, 1) for values in model.prompt(encoded, points=points))
        low = rule.min_iou if kept or (found and best[0] >= rule.min_iou) else best[0] if found else -torch.inf
        for iou, mask, stable in _full_masks(model, encoded, logits, ious, rule, low):
            if iou >= rule.min_iou and stable:
                kept.append((iou, *_packed(mask)))
            elif not found or iou > best[0]:
                best, found = (iou, *_packed(mask)), True
    kept = kept or [best]
    scores = torch.tensor([iou for iou, _, _ in kept])
    chosen = non_maximum_suppression(torch.stack([box for _, box, _ in kept]).float(), scores, rule.max_overlap)
    bits = np.stack([kept[index][2] for index in chosen.tolist()])
    masks = np.unpackbits(bits, axis=-1, count=encoded.size[1]).view(bool)
    return torch.from_numpy(masks), scores[chosen]


def _full_masks(
    model: Any, encoded: Any, logits: Tensor, ious: Tensor, rule: AutomaticMaskRule, low: float
) -> Iterator[tuple[float, Tensor, bool]]:
    """Yield non-empty masks at the size of the image, with predicted IoU and whether they are stable."""
    chosen = (ious >= low).nonzero()[:, 0]
    for part in chosen.split(FULL_SIZE):
        full = model.upsample(encoded, logits[part])
        stable = mask_stability(full) >= rule.min_stability
        for mask, iou, is_stable in zip((full > 0).cpu(), ious[part].tolist(), stable.tolist(), strict=True):
            if mask.any():
                yield iou, mask, is_stable


def _packed(mask: Tensor) -> tuple[Tensor, np.ndarray]:
    """Return left, top, right, bottom of a non-empty mask, the last two exclusive, and its bits."""
    rows, columns = (mask.any(axis).nonzero()[:, 0] for axis in (1, 0))
    box = torch.stack([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    return box, np.packbits(mask.numpy(), axis=-1)
