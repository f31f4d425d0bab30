"""Random walk by color affinity."""

from mmseg.structures import SegDataSample
from torch import Tensor

from ...functional import affinity_random_walk
from ...registry import POSTPROCESSORS
from ...utils.sample_fields import KEEP_ORIGINAL_IMAGE
from .base import ONE_PIXEL, PostProcessor


@POSTPROCESSORS.register_module()
class AffinityRandomWalk(PostProcessor):
    """Random walk of the scores between locations of similar color; see :func:`mmwsl.functional.affinity_random_walk`.

    It extends the scores from a part of an object to the rest of it. Place it before
    :class:`mmwsl.inference.DenseCRF`, as in PSA and IRN. Their affinity is learned; this one is computed from colors.

    Args:
        radius: Reach of one step of the walk in locations.
        stride: Side of a location in pixels.
        beta: Exponent of the affinity.
        log_steps: Binary logarithm of the number of steps of the walk.
        tuned_on: Masks that the hyper-parameters were tuned on, if any.

    Raises:
        ValueError: If an argument is out of range.
    """

    required_fields = dict(image=KEEP_ORIGINAL_IMAGE)

    def __init__(
        self, radius: int = 5, stride: int = 8, beta: float = 8.0, log_steps: int = 8, tuned_on: str | None = None
    ) -> None:
        self.radius, self.stride, self.beta, self.log_steps = radius, stride, beta, log_steps
        self.tuned_on = tuned_on
        affinity_random_walk(ONE_PIXEL, ONE_PIXEL, radius, stride, beta, log_steps)

    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Walk on ``probs (K, H, W)``."""
        image = data_sample.image.data.to(probs.device)
        return affinity_random_walk(probs, image, self.radius, self.stride, self.beta, self.log_steps)
