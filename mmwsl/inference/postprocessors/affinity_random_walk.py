"""The random walk as a step."""

from typing import ClassVar

from mmseg.structures import SegDataSample
from torch import Tensor

from ...functional import affinity_random_walk
from ...registry import POSTPROCESSORS
from .base import PostProcessor


@POSTPROCESSORS.register_module()
class AffinityRandomWalk(PostProcessor):
    """Spread scores between places of similar color; see :func:`mmwsl.functional.affinity_random_walk`.

    It fills an object of which the network marked a part, and goes before :class:`mmwsl.inference.postprocessors.DenseCRF`, as
    in PSA and IRN. Their affinity is learned; this one is that of the colors.

    Args:
        radius: Reach of a step in cells.
        stride: Side of a cell in pixels.
        beta: Exponent of the affinity.
        log_steps: Binary logarithm of the number of steps.
        tuned_on: What the constants were chosen with, see :class:`PostProcessor`.
    """

    required_fields: ClassVar[dict[str, str]] = dict(image="the transform type='mmwsl.KeepOriginalImage' before Resize")

    def __init__(
        self, radius: int = 5, stride: int = 8, beta: float = 8.0, log_steps: int = 8, tuned_on: str | None = None
    ) -> None:
        self.options = dict(radius=radius, stride=stride, beta=beta, log_steps=log_steps)
        self.tuned_on = tuned_on

    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Spread ``probs (K, H, W)``."""
        return affinity_random_walk(probs, data_sample.image.data.to(probs.device), **self.options)
