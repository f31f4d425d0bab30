"""The interface of post-processing steps, and the chain of them."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

from mmseg.structures import SegDataSample
from torch import Tensor

from ...registry import POSTPROCESSORS


class PostProcessor(ABC):
    """A step that maps the class probabilities of one image, at its own size, before the argmax.

    Subclasses define :meth:`process` and name in ``required_fields`` what they need of the data sample, each with
    the part of the config that adds it. ``tuned_on`` names the masks that its numbers were chosen with, if any were;
    :class:`mmwsl.engine.hooks.ProvenanceHook` writes it beside every result.
    """

    required_fields: ClassVar[dict[str, str]] = {}
    tuned_on: str | None = None

    @property
    def provenance(self) -> dict[str, str]:
        """What supervision the step uses, by kind."""
        return dict(tuned_on=self.tuned_on) if self.tuned_on else {}

    def __call__(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Map probabilities ``(K, H, W)`` to scores ``(K, H, W)``; they need not sum to one.

        Raises:
            KeyError: If the sample lacks a required field.
            ValueError: If a score is NaN.
        """
        for field, source in self.required_fields.items():
            if field not in data_sample:
                raise KeyError(f'{type(self).__name__} needs the field `{field}` of the data sample: add {source}')
        if probs.isnan().any():
            raise ValueError(
                f'{type(self).__name__} was given scores that are NaN: the network diverged, or a step '
                'before it divided by zero'
            )
        return self.process(probs, data_sample)

    @abstractmethod
    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Map the probabilities; see :meth:`__call__`."""


def build_postprocessors(configs: Sequence[dict] | None) -> list[PostProcessor]:
    """Build the steps of a chain from their configs, in order; None is an empty chain."""
    return [POSTPROCESSORS.build(config) for config in configs or ()]


def apply_postprocessors(chain: Iterable[PostProcessor], probs: Tensor, data_sample: SegDataSample) -> Tensor:
    """Run the steps of a chain on probabilities ``(K, H, W)``, in order."""
    for step in chain:
        probs = step(probs, data_sample)
    return probs


def join_provenance(parts: Iterable[dict[str, str]]) -> dict[str, str]:
    """Join what parts say of the supervision they use: one text for each kind, every note once."""
    notes: dict[str, set[str]] = {}
    for part in parts:
        for key, text in part.items():
            notes.setdefault(key, set()).add(text)
    return {key: '; '.join(sorted(texts)) for key, texts in sorted(notes.items())}
