"""Scorer with overlapping tiles."""

from mmseg.models.utils import resize
from torch import Tensor

from ...functional import overlap_tile
from ...registry import SCORERS
from ..segmentor import Segmentor
from .base import Scorer


@SCORERS.register_module()
class OverlapTileScorer(Scorer):
    """Scorer of tiles with mirrored context (U-Net); see :func:`mmwsl.functional.overlap_tile`.

    The image-level score is aggregated once, from the score map of the whole image.

    Args:
        tile: Side of a tile in pixels.
        margin: Context on each side of a tile in pixels.

    Raises:
        ValueError: If ``tile`` is not a positive integer or ``margin`` is not a non-negative one.
    """

    def __init__(self, tile: int, margin: int) -> None:
        for name, value, least in (('tile', tile, 1), ('margin', margin, 0)):
            if not isinstance(value, int) or value < least:
                raise ValueError(f'`scorer.{name}` must be an integer of at least {least}, got {value!r}.')
        self.tile, self.margin = tile, margin
        self.window = (tile + 2 * margin,) * 2

    def __call__(
        self, segmentor: Segmentor, inputs: Tensor, batch_img_metas: list[dict]
    ) -> tuple[Tensor, Tensor | None]:
        """Score a batch; see :meth:`Scorer.__call__`."""

        def score_window(window: Tensor) -> Tensor:
            score_map = segmentor.score_map(window, [{} for _ in window])
            return resize(score_map, size=window.shape[2:], mode='bilinear', align_corners=segmentor.align_corners)

        seg_logits = overlap_tile(score_window, inputs, self.tile, self.margin)
        size = (inputs.shape[2], inputs.shape[3])
        return seg_logits, segmentor.aggregate(seg_logits, batch_img_metas, size, size)
