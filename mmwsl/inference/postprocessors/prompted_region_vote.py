"""Vote of the masks that the class maps prompt."""

from typing import Any

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from ...functional import component_boxes, map_peaks, masks_to_superpixels
from ...registry import MODELS, POSTPROCESSORS
from ...utils.sample_fields import KEEP_ORIGINAL_IMAGE
from ...utils.text import check_choice
from .region_vote import RegionVote

PROMPTS = ('points', 'boxes', 'both')


@POSTPROCESSORS.register_module()
class PromptedRegionVote(RegionVote):
    """Foreground made of the masks that a network such as SAM predicts for the class maps; see :class:`RegionVote`.

    The points of a class are :func:`mmwsl.functional.map_peaks` of its map, its boxes are
    :func:`mmwsl.functional.component_boxes`. Of the three masks of a point, the one with the highest predicted IoU is a
    region. A class prompts if some pixel has its label, so absent classes do not.

    Args:
        model: Config of the network, such as ``dict(type='mmwsl.SegmentAnything', folder='weights/sam-vit-base')``.
        prompts: ``'points'``, ``'boxes'`` or ``'both'``.
        peak_threshold: Fraction of its maximum that a class map must exceed at a point.
        peak_distance: Smallest distance of two points, as a fraction of the longer side, in (0, 1].
        max_points: Largest number of points of a class.
        box_threshold: Fraction of its maximum that a class map must exceed in a box.
        max_boxes: Largest number of boxes of a class.
        min_iou: Smallest predicted IoU of a mask, in [0, 1].
        **kwargs: Passed to :class:`RegionVote`, without ``field``.

    Raises:
        FileNotFoundError: If the folder of the model does not exist.
        TypeError: If ``field`` is set, or the model predicts no masks of prompts.
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        model: dict,
        prompts: str = 'both',
        peak_threshold: float = 0.5,
        peak_distance: float = 0.05,
        max_points: int = 5,
        box_threshold: float = 0.4,
        max_boxes: int = 20,
        min_iou: float = 0.5,
        **kwargs: Any,
    ) -> None:
        if 'field' in kwargs:
            raise TypeError(f'PromptedRegionVote: `field` must not be set, got {kwargs["field"]!r}. Remove it.')
        super().__init__(**kwargs)
        check_choice('prompts', prompts, PROMPTS)
        if not 0 < peak_distance <= 1 or not 0 <= min_iou <= 1:
            raise ValueError(
                f'`peak_distance` must be in (0, 1] and `min_iou` in [0, 1], got {peak_distance} and {min_iou}.'
            )
        one = torch.zeros(1, 1)  # bad values raise an error here
        map_peaks(one, peak_threshold, 1, max_points)
        component_boxes(one, box_threshold, max_boxes)
        self.prompts, self.min_iou, self.peak_distance = prompts, min_iou, peak_distance
        self.peak_threshold, self.max_points = peak_threshold, max_points
        self.box_threshold, self.max_boxes = box_threshold, max_boxes
        self.required_fields = dict(image=KEEP_ORIGINAL_IMAGE)
        self.model: Any = MODELS.build(model).eval()
        if not hasattr(self.model, 'prompt'):
            raise TypeError(
                f"PromptedRegionVote: `model.type` must be 'mmwsl.SegmentAnything', got {type(self.model).__name__}."
            )

    def _regions(self, labels: Tensor, probs: Tensor, data_sample: SegDataSample) -> tuple[Tensor, Tensor | None]:
        """Return the masks as unions of superpixels; see the parent."""
        image = data_sample.image.data
        if image.shape[1:] != probs.shape[1:]:
            return torch.zeros(image.shape[1:], dtype=torch.int64), None  # the parent names the sizes
        size = (probs.shape[1], probs.shape[2])
        classes = [k for k in labels.unique().tolist() if 0 < k < len(probs)]
        empty = torch.zeros(size, dtype=torch.int64), torch.zeros(0, 1, dtype=torch.bool)
        if not classes:
            return empty
        encoded = self.model.to(probs.device).encode(image)
        masks = [mask for k in classes for mask in self._masks(encoded, probs[k].float(), size)]
        if not masks:
            return empty
        superpixels, members = masks_to_superpixels([mask.cpu().numpy() for mask in masks])
        return torch.from_numpy(superpixels), torch.from_numpy(members)

    def _masks(self, encoded: Any, values: Tensor, size: tuple[int, int]) -> list[Tensor]:
        """Return the masks of one class map."""
        logits: list[Tensor] = []
        if self.prompts != 'boxes':
            distance = max(1, round(self.peak_distance * max(size)))
            points = map_peaks(values, self.peak_threshold, distance, self.max_points)
            logits += self._best(*self.model.prompt(encoded, points=points + 0.5)) if len(points) else []
        if self.prompts != 'points' and len(boxes := component_boxes(values, self.box_threshold, self.max_boxes)):
            logits += self._best(*self.model.prompt(encoded, boxes=boxes))
        if not logits:
            return []
        return [mask for mask in self.model.upsample(encoded, torch.stack(logits)) > 0 if mask.any()]

    def _best(self, logits: Tensor, ious: Tensor) -> list[Tensor]:
        """Return the logits of the best mask of each prompt ``(P, n, h, w)``, if it is good enough."""
        highest, index = ious.max(1)
        chosen = logits[torch.arange(len(logits), device=logits.device), index]
        return list(chosen[highest >= self.min_iou])
