"""Objectness or saliency map as a prior."""

from mmseg.structures import SegDataSample
from torch import Tensor

from ...functional.priors import check_power, objectness_prior
from ...registry import POSTPROCESSORS
from .base import PostProcessor


@POSTPROCESSORS.register_module()
class ObjectnessPrior(PostProcessor):
    """Product of the foreground and a map in [0, 1]; see :func:`mmwsl.functional.objectness_prior`.

    The map is loaded with the image: from boxes (SP-bb of Pinheiro & Collobert), from mask proposals (SP-seg), or any
    saliency map from disk.

    Args:
        field: Name of the map in the data sample.
        power: Exponent of the class scores; below 1, the map has more influence.
        relative: Whether to multiply the background by the mean of the map. Place :class:`ClassThresholds`, with
            thresholds of the scores alone, before it.
        tuned_on: Masks that the power was tuned on, if any.

    Raises:
        ValueError: If ``power`` is not positive.
    """

    def __init__(
        self, field: str = 'objectness', power: float = 1.0, relative: bool = False, tuned_on: str | None = None
    ) -> None:
        check_power(power)
        self.field = field
        self.power = power
        self.relative = relative
        self.tuned_on = tuned_on
        self.required_fields = {
            field: "the transform type='mmwsl.ComputeObjectness' or 'mmwsl.LoadObjectness' before Resize, "
            f'with key={field!r}'
        }

    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Multiply ``probs (K, H, W)`` by the map."""
        return objectness_prior(probs, data_sample.get(self.field).data[0], self.power, self.relative)
