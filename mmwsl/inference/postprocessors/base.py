"""Interface of the post-processors."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from ...registry import POSTPROCESSORS
from ..step import InferenceStep, build_step

# Constructors process it, so that a bad argument raises an error there.
ONE_PIXEL = torch.zeros(3, 1, 1)


class PostProcessor(InferenceStep, ABC):
    """Refinement of the class probabilities of one image, at its original size, before the argmax.

    Subclasses define :meth:`process`.
    """

    def __call__(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Map probabilities ``(K, H, W)`` to scores ``(K, H, W)``; non-negative; they need not sum to one.

        Raises:
            KeyError: If the sample lacks a required field.
            ValueError: If a score is NaN.
        """
        self.check_fields(data_sample)
        if probs.isnan().any():
            raise ValueError(
                f'{type(self).__name__}: `probs` must not be NaN. The network diverged, or the post-processor before '
                'it divided by zero.'
            )
        return self.process(probs, data_sample)

    @abstractmethod
    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Map the probabilities; see :meth:`__call__`."""


def build_postprocessors(configs: Sequence[dict] | None) -> list[PostProcessor]:
    """Build post-processors from their configs, in order; None is an empty list."""
    if isinstance(configs, dict):
        raise TypeError(f'`postprocessors` must be a list of configs, got {configs!r}. Put it in brackets.')
    return [build_step(POSTPROCESSORS, config, PostProcessor) for config in configs or ()]


def apply_postprocessors(postprocessors: Iterable[PostProcessor], probs: Tensor, data_sample: SegDataSample) -> Tensor:
    """Apply post-processors to probabilities ``(K, H, W)``, in order."""
    for postprocessor in postprocessors:
        probs = postprocessor(probs, data_sample)
    return probs
