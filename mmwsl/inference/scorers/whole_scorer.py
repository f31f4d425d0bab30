"""Scorer of whole images."""

from mmseg.models.utils import resize
from torch import Tensor

from ...registry import SCORERS
from ..segmentor import Segmentor
from .base import PaddingScorer


@SCORERS.register_module()
class WholeScorer(PaddingScorer):
    """Scorer of whole images: the score map, interpolated to every pixel."""

    def __call__(
        self, segmentor: Segmentor, inputs: Tensor, batch_img_metas: list[dict]
    ) -> tuple[Tensor, Tensor | None]:
        """Score a batch; see :meth:`Scorer.__call__`."""
        height, width = inputs.shape[2:]
        padded, covered_size, _ = self.pad_inputs(segmentor, inputs)
        score_map, image_logits = segmentor.score(padded, batch_img_metas, (height, width), covered_size)
        seg_logits = resize(score_map, size=covered_size, mode='bilinear', align_corners=segmentor.align_corners)
        return seg_logits[..., :height, :width], image_logits
