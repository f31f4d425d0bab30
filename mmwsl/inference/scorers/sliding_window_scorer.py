"""Scorer with sliding windows."""

from collections.abc import Sequence

from mmengine.config import ConfigDict
from torch import Tensor

from ...registry import SCORERS
from ..segmentor import Segmentor
from .base import Scorer


@SCORERS.register_module()
class SlidingWindowScorer(Scorer):
    """Scorer with mmseg's sliding windows, whose overlaps are averaged.

    The image-level score is aggregated once, from the stitched score map of the whole image.

    Args:
        crop_size: Height and width of a window in pixels.
        stride: Vertical and horizontal step between windows in pixels.

    Raises:
        ValueError: If a size or step is not positive, or a step is greater than the window.
    """

    def __init__(self, crop_size: tuple[int, int], stride: tuple[int, int]) -> None:
        for name, value in dict(crop_size=crop_size, stride=stride).items():
            if (
                not isinstance(value, Sequence)
                or len(value) != 2
                or any(not isinstance(n, int) or n < 1 for n in value)
            ):
                raise ValueError(f'`scorer.{name}` must be two positive integers (height, width), got {value}.')
        if stride[0] > crop_size[0] or stride[1] > crop_size[1]:
            raise ValueError(
                f'`scorer.stride` must be at most `crop_size` {crop_size}, or pixels are left out, got {stride}.'
            )
        self.crop_size, self.stride = (crop_size[0], crop_size[1]), (stride[0], stride[1])
        self.window = self.crop_size

    def __call__(
        self, segmentor: Segmentor, inputs: Tensor, batch_img_metas: list[dict]
    ) -> tuple[Tensor, Tensor | None]:
        """Score a batch; see :meth:`Scorer.__call__`."""
        size = (inputs.shape[2], inputs.shape[3])
        segmentor.test_cfg = ConfigDict(
            mode='slide', crop_size=self.crop_size, stride=self.stride
        )  # mmseg reads it there
        # slide_inference overwrites `img_shape` with the shape of its window: it gets copies.
        seg_logits = segmentor.slide_inference(inputs, [dict(meta) for meta in batch_img_metas])
        return seg_logits, segmentor.aggregate(seg_logits, batch_img_metas, size, size)
