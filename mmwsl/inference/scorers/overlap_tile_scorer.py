"""Scorer with overlapping tiles."""

from typing import TYPE_CHECKING

from mmseg.models.utils import resize
from torch import Tensor

from ...functional import overlap_tile
from ...registry import SCORERS
from .base import Scorer

if TYPE_CHECKING:
    from ..segmentor import Segmentor


@SCORERS.register_module()
class OverlapTileScorer(Scorer):
    """Scorer of tiles with mirrored context (U-Net); see :func:`mmwsl.functional.overlap_tile`.

    The image-level score is aggregated once, from the score map of the whole image.

    Args:
        tile: Side of a tile in pixels.
        margin: Context on each side of a tile in pixels.

    Raises:
        ValueError: If ``tile`` is not positive or ``margin`` is negative.
    """

    def __init__(self, tile: int, margin: int) -> None:
        if tile < 1 or margin < 0:
            raise ValueError(
                f'`scorer.tile` must be positive and `scorer.margin` non-negative, got {tile} and {margin}.'
            )
        self.tile, self.margin = tile, margin
        self.window = (tile + 2 * margin,) * 2

    def __call__(
        self, segmentor: 'Segmentor', inputs: Tensor, batch_img_metas: list[dict]
    ) -> tuple[Tensor, Tensor | None]:
        """Score a batch; see :meth:`Scorer.__call__`."""

        def score_window(window: Tensor) -> Tensor:
            size = (window.shape[2], window.shape[3])
            score_map, _ = segmentor.score(window, [{} for _ in window], size, size)
            return resize(score_map, size=size, mode='bilinear', align_corners=segmentor.align_corners)

        seg_logits = overlap_tile(score_window, inputs, self.tile, self.margin)
        size = (inputs.shape[2], inputs.shape[3])
        return seg_logits, segmentor.aggregate(seg_logits, batch_img_metas, size, size)
