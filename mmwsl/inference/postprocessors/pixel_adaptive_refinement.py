"""Pixel-adaptive refinement."""

from collections.abc import Sequence

from mmseg.structures import SegDataSample
from torch import Tensor

from ...functional import pixel_adaptive_refinement
from ...registry import POSTPROCESSORS
from ...utils.sample_fields import KEEP_ORIGINAL_IMAGE
from .base import ONE_PIXEL, PostProcessor


@POSTPROCESSORS.register_module()
class PixelAdaptiveRefinement(PostProcessor):
    """Average of the scores over neighbors of similar color; see :func:`mmwsl.functional.pixel_adaptive_refinement`.

    It follows edges within the reach of the largest dilation. :class:`mmwsl.inference.DenseCRF` changes the scores
    more, and also sharpens them.

    Args:
        variant: ``'pamr'`` or ``'par'``.
        dilations: Distances of the neighbors in pixels.
        iterations: Number of averages. WeCLIP uses 20 with ``'par'``.

    Raises:
        ValueError: If an argument is out of range.
    """

    required_fields = dict(image=KEEP_ORIGINAL_IMAGE)

    def __init__(
        self, variant: str = 'pamr', dilations: Sequence[int] = (1, 2, 4, 8, 12, 24), iterations: int = 10
    ) -> None:
        self.variant, self.dilations, self.iterations = variant, dilations, iterations
        pixel_adaptive_refinement(ONE_PIXEL, ONE_PIXEL, dilations, iterations, variant)

    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Refine ``probs (K, H, W)``."""
        image = data_sample.image.data.to(probs.device)
        return pixel_adaptive_refinement(probs, image, self.dilations, self.iterations, self.variant)
