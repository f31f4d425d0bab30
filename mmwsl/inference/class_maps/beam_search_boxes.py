"""Boxes found by beam search, as class maps."""

from functools import partial

import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from mmseg.utils import SampleList
from torch import Tensor

from ...functional import beam_search, box_tent, numbers_on, valid_locations
from ...registry import CLASS_MAPS
from ...utils.metainfo import image_padding
from ...utils.sample_fields import AGGREGATING_HEAD
from ..segmentor import Segmentor
from .base import ClassMaps


@CLASS_MAPS.register_module()
class BeamSearchBoxes(ClassMaps):
    """One box per class whose features alone give it the highest image-level score (Bency et al., ECCV 2016).

    The features of the backbone outside of a box are set to zero, and the head scores the image. A beam search cuts the
    whole image to smaller and smaller boxes, see :func:`mmwsl.functional.beam_search`. The map of a class is its
    image-level probability times the tent of its box, see :func:`mmwsl.functional.box_tent`: its maximum is the center
    of the box, and half of it the edge.

    Args:
        width: Boxes that are kept in a step of the search.
        levels: Maximum number of steps.
        ratio: Part of a side that a step keeps, in (0, 1).
        threshold: Classes of lower image-level probability get no box but that of the image, in [0, 1].
        batch: Number of boxes that are scored at once.
        tuned_on: Masks that the hyper-parameters were tuned on, if any.

    Raises:
        ValueError: If an argument is out of range.
    """

    required_fields = dict(pred_label=AGGREGATING_HEAD)

    def __init__(
        self,
        width: int = 3,
        levels: int = 8,
        ratio: float = 0.5,
        threshold: float = 0.0,
        batch: int = 16,
        tuned_on: str | None = None,
    ) -> None:
        for name, value, least in (('width', width, 1), ('levels', levels, 0), ('batch', batch, 1)):
            if value < least:
                raise ValueError(f'`{name}` must be at least {least}, got {value}.')
        if not 0 < ratio < 1:
            raise ValueError(f'`ratio` must be in (0, 1), got {ratio}.')
        if not 0 <= threshold <= 1:
            raise ValueError(f'`threshold` must be in [0, 1], got {threshold}.')
        self.width, self.levels, self.ratio, self.threshold, self.batch = width, levels, ratio, threshold, batch
        self.tuned_on = tuned_on

    def __call__(
        self, segmentor: Segmentor, inputs: Tensor, data_samples: SampleList, scores: list[Tensor]
    ) -> list[Tensor]:
        """Compute the class maps of a batch; see :meth:`ClassMaps.__call__`."""
        size = (inputs.shape[2], inputs.shape[3])
        features = segmentor.extract_feat(inputs)
        drawings = []
        for n, sample in enumerate(data_samples):
            own = [level[n : n + 1] for level in features]
            drawings.append(self._draw(segmentor, own, sample, size, sample.pred_label.score))
        blanks = [SegDataSample(metainfo=sample.metainfo) for sample in data_samples]
        # As for logits: crop the padding, undo the flip, resize.
        blanks = segmentor.postprocess_result(torch.stack(drawings), blanks)
        return [blank.seg_logits.data for blank in blanks]

    def _draw(
        self, segmentor: Segmentor, features: list[Tensor], sample: SegDataSample, size: tuple[int, int], probs: Tensor
    ) -> Tensor:
        """Return the map ``(K, H, W)`` of each class at the size of the inputs; that of the background is 0."""
        height, width = features[-1].shape[2:]
        left, right, top, bottom = image_padding(sample.metainfo)
        extent = numbers_on(probs.device, [(top, size[0] - bottom, left, size[1] - right)])
        rows, columns = valid_locations(extent, size, (height, width))[0].nonzero().unbind(1)
        whole = torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        known: dict[tuple[int, ...], Tensor] = {}

        def log_odds(k: int, boxes: Tensor) -> Tensor:
            keys = [tuple(box) for box in boxes.tolist()]
            new = [key for key in dict.fromkeys(keys) if key not in known]
            for start in range(0, len(new), self.batch):
                part = new[start : start + self.batch]
                known.update(zip(part, self._score(segmentor, features, part, sample, size), strict=True))
            return torch.stack([known[key] for key in keys])[:, k]

        drawing = features[-1].new_zeros(len(probs), *size, dtype=torch.float32)
        scale = numbers_on(probs.device, [size[1] / width, size[0] / height] * 2)
        for k in range(1, len(probs)):
            box = whole
            if probs[k] > 0 and probs[k] >= self.threshold:
                box, _ = beam_search(partial(log_odds, k), whole, self.width, self.levels, self.ratio)
            drawing[k] = probs[k] * box_tent(box * scale, *size)
        return drawing

    @staticmethod
    def _score(
        segmentor: Segmentor,
        features: list[Tensor],
        boxes: list[tuple[int, ...]],
        sample: SegDataSample,
        size: tuple[int, int],
    ) -> Tensor:
        """Return the log-odds of the image-level probabilities ``(n, K)`` of the features inside each box."""
        inside = features[-1].new_zeros(len(boxes), 1, *features[-1].shape[2:])
        for n, (x1, y1, x2, y2) in enumerate(boxes):
            inside[n, :, y1:y2, x1:x2] = 1
        masked = [level * F.interpolate(inside, level.shape[2:], mode='nearest') for level in features]
        logits = (segmentor.image_head or segmentor.decode_head)(masked)
        found = segmentor.aggregate(logits, [sample.metainfo] * len(boxes), size, size)
        assert found is not None  # `check` has asked for a head that aggregates
        return segmentor.image_log_odds(found)
