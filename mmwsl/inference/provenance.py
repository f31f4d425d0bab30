"""Provenance: the supervision that a prediction uses beyond the training of its network."""

from collections.abc import Iterable


class TunedPart:
    """Part of the inference pipeline whose hyper-parameters may have been tuned on masks.

    ``tuned_on`` names these masks; :class:`mmwsl.engine.hooks.ProvenanceHook` writes it beside every result.
    """

    tuned_on: str | None = None

    @property
    def provenance(self) -> dict[str, str]:
        """Supervision that the part uses, by kind."""
        return dict(tuned_on=self.tuned_on) if self.tuned_on else {}


def join_provenance(parts: Iterable[dict[str, str]]) -> dict[str, str]:
    """Join the provenance of several parts: one text per kind, every note once."""
    notes: dict[str, set[str]] = {}
    for part in parts:
        for key, text in part.items():
            notes.setdefault(key, set()).add(text)
    return {key: '; '.join(sorted(texts)) for key, texts in sorted(notes.items())}
