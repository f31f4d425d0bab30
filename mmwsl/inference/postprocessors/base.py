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

    Subclasses define :meth:`process`, and :meth:`process_batch` if they process several images faster together.
    """

    def __call__(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Map probabilities ``(K, H, W)`` to scores ``(K, H, W)``; non-negative; they need not sum to one.

        Raises:
            KeyError: If the sample lacks a required field.
            ValueError: If a score is NaN.
        """
        (result,) = self.batch([probs], [data_sample])
        return result

    def batch(self, probs: Sequence[Tensor], data_samples: Sequence[SegDataSample]) -> list[Tensor]:
        """Map the probabilities of the images of a batch, which need not have equal sizes; see :meth:`__call__`."""
        for data_sample in data_samples:
            self.check_fields(data_sample)
        if torch.stack([one.isnan().any() for one in probs]).any():  # one value for a GPU to wait for
            raise ValueError(
                f'{type(self).__name__}: `probs` must not be NaN. The network diverged, or the post-processor before '
                'it divided by zero.'
            )
        return self.process_batch(probs, data_samples)

    @abstractmethod
    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Map the probabilities; see :meth:`__call__`."""

    def process_batch(self, probs: Sequence[Tensor], data_samples: Sequence[SegDataSample]) -> list[Tensor]:
        """Map the probabilities of a batch: by default, of one image after the other."""
        return [self.process(*image) for image in zip(probs, data_samples, strict=True)]


def build_postprocessors(configs: Sequence[dict] | None) -> list[PostProcessor]:
    """Build post-processors from their configs, in order; None is an empty list."""
    if isinstance(configs, dict):
        raise TypeError(f'`postprocessors` must be a list of configs, got {configs!r}. Put it in brackets.')
    return [build_step(POSTPROCESSORS, config, PostProcessor) for config in configs or ()]


def apply_postprocessors(
    postprocessors: Iterable[PostProcessor], probs: Sequence[Tensor], data_samples: Sequence[SegDataSample]
) -> list[Tensor]:
    """Apply post-processors to the probabilities ``(K, H, W)`` of the images of a batch, in order."""
    results = list(probs)
    for postprocessor in postprocessors:
        results = postprocessor.batch(results, data_samples)
    return results
