"""Softmax of the logits of independent classes."""

from mmseg.structures import SegDataSample
from torch import Tensor

from ...functional import logit_softmax
from ...registry import POSTPROCESSORS
from .base import PostProcessor


@POSTPROCESSORS.register_module()
class LogitSoftmax(PostProcessor):
    """Distribution over independent classes by the softmax of their logits; see :func:`mmwsl.functional.logit_softmax`.

    Place it before :class:`DenseCRF` where classes are independent and a threshold is their background: a CRF compares
    probabilities, and probabilities of a saturated sigmoid hardly differ.

    Args:
        temperature: Above 1, pixels are less confident, and the next post-processors change more of them.
        tuned_on: Masks that the temperature was tuned on, if any.
    """

    def __init__(self, temperature: float = 1.0, tuned_on: str | None = None) -> None:
        if not 0 < temperature < float('inf'):
            raise ValueError(f'`temperature` must be a positive finite number, got {temperature}.')
        self.temperature = temperature
        self.tuned_on = tuned_on

    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Normalize ``probs (K, H, W)``."""
        return logit_softmax(probs, self.temperature)
