"""Scorer of whole images."""

from typing import TYPE_CHECKING

from mmseg.models.utils import resize
from torch import Tensor

from ...registry import SCORERS
from .base import PaddingScorer

if TYPE_CHECKING:
    from ..segmentor import Segmentor


@SCORERS.register_module()
class WholeScorer(PaddingScorer):
    """Scorer of whole images: the score map, interpolated to every pixel."""

    def __call__(
        self, segmentor: 'Segmentor', inputs: Tensor, batch_img_metas: list[dict]
    ) -> tuple[Tensor, Tensor | None]:
        """Score a batch; see :meth:`Scorer.__call__`."""
        height, width = inputs.shape[2:]
        padded, canvas, _ = self.pad_inputs(inputs)
        score_map, image_logits = segmentor.score(padded, batch_img_metas, (height, width), canvas)
        seg_logits = resize(score_map, size=canvas, mode='bilinear', align_corners=segmentor.align_corners)
        return seg_logits[..., :height, :width], image_logits
