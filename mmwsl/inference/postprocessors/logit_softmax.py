"""Independent scores as one distribution, as a step."""

from mmseg.structures import SegDataSample
from torch import Tensor

from ...functional import logit_softmax
from ...registry import POSTPROCESSORS
from .base import PostProcessor


@POSTPROCESSORS.register_module()
class LogitSoftmax(PostProcessor):
    """Turn independent scores into one distribution by their odds; see :func:`mmwsl.functional.logit_softmax`.

    It stands before :class:`DenseCRF` where classes are independent and a threshold is their background: a CRF
    weighs probabilities, and those of a saturated sigmoid hardly differ.

    Args:
        temperature: Above 1, pixels are less sure, and the steps that follow change more of them.
        tuned_on: What the temperature was chosen with, see :class:`PostProcessor`.
    """

    def __init__(self, temperature: float = 1.0, tuned_on: str | None = None) -> None:
        if not 0 < temperature < float('inf'):
            raise ValueError(f'`temperature` must be a positive finite number, got {temperature}')
        self.temperature = temperature
        self.tuned_on = tuned_on

    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Normalize ``probs (K, H, W)``."""
        return logit_softmax(probs, self.temperature)
