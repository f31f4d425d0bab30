"""Base class of the steps of inference."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mmengine.registry import Registry
from mmseg.structures import SegDataSample

from ..utils.sample_fields import check_fields
from .segmentor import Segmentor


class InferenceStep:
    """Base class of the steps of :class:`mmwsl.inference.InferencePipeline`.

    Attributes:
        required_fields: Fields of the data sample that the step reads, each with the part of the config that adds it.
            The field ``pred_label`` is predicted by heads that aggregate only.
        tuned_on: Masks that the hyper-parameters were tuned on, None if they were fixed in advance.
            :class:`mmwsl.engine.hooks.ProvenanceHook` writes it beside every result.
    """

    required_fields: Mapping[str, str] = {}
    tuned_on: str | None = None

    @property
    def nested(self) -> Sequence['InferenceStep']:
        """Steps that this step runs itself."""
        return ()

    @property
    def provenance(self) -> dict[str, str]:
        """Supervision that the step uses, by kind."""
        own = dict(tuned_on=self.tuned_on) if self.tuned_on else {}
        return join_provenance([own, *(step.provenance for step in self.nested)])

    def check(self, segmentor: Segmentor) -> None:
        """Check that the step suits the segmentor, once it is built.

        Raises:
            ValueError: If it does not: by default, if the step needs image-level probabilities and the head does not
                aggregate.
        """
        if 'pred_label' in self.required_fields and not segmentor.aggregates:
            raise ValueError(
                f'{type(self).__name__} needs image-level probabilities and so a head that aggregates, got '
                f'{type(segmentor.decode_head).__name__}. Remove it from `inference`.'
            )
        for step in self.nested:
            step.check(segmentor)

    def check_fields(self, data_sample: SegDataSample) -> None:
        """Check that a data sample has ``required_fields``.

        Raises:
            KeyError: If it lacks one.
        """
        check_fields(self, data_sample, self.required_fields)
        for step in self.nested:
            step.check_fields(data_sample)


def build_step(registry: Registry, config: dict, base: type) -> Any:
    """Build a step from its config.

    Raises:
        TypeError: If the step is not a ``base``.
    """
    step = registry.build(config)
    if not isinstance(step, base):
        raise TypeError(f'{type(step).__name__} must be a subclass of mmwsl.inference.{base.__name__}.')
    return step


def join_provenance(parts: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Join the provenance of several parts: one text per kind, every note once."""
    notes: dict[str, set[str]] = {}
    for part in parts:
        for key, text in part.items():
            notes.setdefault(key, set()).add(text)
    return {key: '; '.join(sorted(texts)) for key, texts in sorted(notes.items())}
