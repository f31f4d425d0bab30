"""Scorer of whole images."""

from mmseg.models.utils import resize
from torch import Tensor

from ...registry import SCORERS
from ..input_padding import InputPadding
from ..segmentor import Segmentor
from .base import Scorer


@SCORERS.register_module()
class WholeScorer(Scorer):
    """Scorer of whole images: the score map, interpolated to every pixel."""

    input_padding: InputPadding

    def __init__(self) -> None:
        self.input_padding = InputPadding()

    def __call__(
        self, segmentor: Segmentor, inputs: Tensor, batch_img_metas: list[dict]
    ) -> tuple[Tensor, Tensor | None]:
        """Score a batch; see :meth:`Scorer.__call__`."""
        height, width = inputs.shape[2:]
        padded, covered_size, _ = self.input_padding(segmentor, inputs)
        score_map, image_logits = segmentor.score(padded, batch_img_metas, (height, width), covered_size)
        seg_logits = resize(score_map, size=covered_size, mode='bilinear', align_corners=segmentor.align_corners)
        return seg_logits[..., :height, :width], image_logits
