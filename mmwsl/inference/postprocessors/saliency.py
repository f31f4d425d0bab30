"""Saliency of the classes, as a prior or in place of the scores."""

from typing import ClassVar

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from ...functional.priors import check_power, saliency_prior
from ...registry import POSTPROCESSORS
from .base import PostProcessor

FIELDS = dict(class_saliency="model.saliency=dict(type='mmwsl.GuidedBackpropSaliency', layers=...) to the config")


@POSTPROCESSORS.register_module()
class SaliencyPrior(PostProcessor):
    """Weigh every class by its own saliency; see :func:`mmwsl.functional.saliency_prior`.

    Scores times saliency are small: :class:`ClassThresholds` says from where on they are no background.

    Args:
        power: Power of the product; 0.5 gives the geometric mean.
        tuned_on: What the layers of the saliency, or the power, were chosen with, see :class:`PostProcessor`.

    Raises:
        ValueError: If ``power`` is not positive.
    """

    required_fields: ClassVar[dict[str, str]] = FIELDS

    def __init__(self, power: float = 1.0, tuned_on: str | None = None) -> None:
        check_power(power)
        self.power = power
        self.tuned_on = tuned_on

    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Weigh ``probs (K, H, W)`` by the saliency."""
        return saliency_prior(probs, data_sample.class_saliency.data, self.power)


@POSTPROCESSORS.register_module()
class SaliencyScores(SaliencyPrior):
    """Replace the scores of the classes by their saliency, and keep the background's.

    For maps of :class:`mmwsl.models.DistinctClassSaliency`, which are the evidence for :class:`DenseCRF` then, after
    :class:`ClassThresholds`.
    """

    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Replace ``probs (K, H, W)``."""
        return saliency_prior(
            torch.cat([probs[:1], torch.ones_like(probs[1:])]), data_sample.class_saliency.data, self.power
        )
