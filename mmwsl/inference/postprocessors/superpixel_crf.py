"""CRF over superpixels."""

from mmseg.structures import SegDataSample
from torch import Tensor

from ...functional import superpixel_crf
from ...registry import POSTPROCESSORS
from ...utils.sample_fields import KEEP_ORIGINAL_IMAGE, SUPERPIXELS
from .base import PostProcessor


@POSTPROCESSORS.register_module()
class SuperpixelCRF(PostProcessor):
    """Mean field in a CRF over neighboring superpixels; see :func:`mmwsl.functional.superpixel_crf`.

    It is much cheaper than :class:`DenseCRF`: hundreds of nodes instead of hundreds of thousands. Place the background
    decision, :class:`ClassThresholds` and :class:`LogitSoftmax`, before it.

    Args:
        weight: Weight of the smoothness term, non-negative.
        color_sigma: Standard deviation of the color contrast, positive, for colors of 0 to 255.
        iterations: Number of sweeps over the superpixels.
        tuned_on: Masks that the hyper-parameters were tuned on, if any.

    Raises:
        ValueError: If an argument is out of range.
    """

    required_fields = dict(image=KEEP_ORIGINAL_IMAGE, superpixels=SUPERPIXELS)

    def __init__(
        self, weight: float = 1.0, color_sigma: float = 30.0, iterations: int = 10, tuned_on: str | None = None
    ) -> None:
        if not 0 <= weight < float('inf'):
            raise ValueError(f'`weight` must be a non-negative finite number, got {weight}.')
        if not 0 < color_sigma < float('inf'):
            raise ValueError(f'`color_sigma` must be a positive finite number, got {color_sigma}.')
        if not isinstance(iterations, int) or iterations < 0:
            raise ValueError(f'`iterations` must be a non-negative integer, got {iterations!r}.')
        self.weight, self.color_sigma, self.iterations = weight, color_sigma, iterations
        self.tuned_on = tuned_on

    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Smooth ``probs (K, H, W)``."""
        return superpixel_crf(
            probs,
            data_sample.image.data,
            data_sample.superpixels.data[0],
            self.weight,
            self.color_sigma,
            self.iterations,
        )
