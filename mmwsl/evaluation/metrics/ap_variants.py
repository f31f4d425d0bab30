"""Variants of the average precision that a metric prints, each under its own key."""

from collections.abc import Sequence

from ...functional import AP_VARIANTS

AP_SUFFIXES = dict(zip(AP_VARIANTS, ('', '_all_points', '_11point'), strict=True))
"""End of the key of each variant, e.g. ``mAP_11point``."""


def check_variants(metric: object, variants: Sequence[str]) -> tuple[str, ...]:
    """Return the ``variants`` of a metric.

    Raises:
        ValueError: If there is none, or one has an unknown name.
    """
    if isinstance(variants, str) or not variants or not set(variants) <= set(AP_VARIANTS):
        raise ValueError(
            f'{type(metric).__name__}: `variants` must be a list of some of {AP_VARIANTS}, got {variants!r}.'
        )
    return tuple(variants)
