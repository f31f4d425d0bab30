"""Majority vote over superpixels."""

from typing import ClassVar

from mmseg.structures import SegDataSample
from torch import Tensor

from ...functional import superpixel_majority, superpixel_mean
from ...registry import POSTPROCESSORS
from ...utils.sample_fields import SUPERPIXELS
from .base import PostProcessor


@POSTPROCESSORS.register_module()
class SuperpixelVote(PostProcessor):
    """One class for all pixels of a superpixel (SP-sppxl of Pinheiro & Collobert).

    Args:
        reduction: ``'majority'`` of the classes of the pixels, as in the paper
            (:func:`mmwsl.functional.superpixel_majority`), or ``'mean'`` of their scores
            (:func:`mmwsl.functional.superpixel_mean`). A majority discards the scores: place thresholds before it.
    """

    required_fields = dict(superpixels=SUPERPIXELS)

    reductions: ClassVar[dict] = dict(majority=superpixel_majority, mean=superpixel_mean)

    def __init__(self, reduction: str = 'majority') -> None:
        if reduction not in self.reductions:
            raise ValueError(f'`reduction` must be one of {sorted(self.reductions)}, got {reduction!r}.')
        self.reduction = reduction

    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Aggregate ``probs (K, H, W)`` over the superpixels."""
        return self.reductions[self.reduction](probs, data_sample.superpixels.data[0])
