"""Class activation maps as a way to predict."""

from collections.abc import Sequence

from torch import Tensor

from ...functional import class_activation_maps
from ...functional.class_activation_maps import NORMALIZATIONS
from ...registry import MODELS
from ..backgrounds import SigmoidBackground


class ClassActivationMaps:
    """Turns the scores of an image's views into class activation maps; see :func:`mmwsl.functional.class_activation_maps`.

    Args:
        normalization: ``'max'`` or ``'min_max'``.
        background: Config of the background, from the maps of the other classes:
            :class:`mmwsl.models.ConstantBackground`, the default with 0.3 of the maximum, or
            :class:`mmwsl.models.PowerBackground`. Published constants: 0.2 for boxes (CAM), 0.15 (IRN); exponents 4,
            16 and 32 (PSA), 1 (WeCLIP).
        tuned_on: What the numbers were chosen with, which is said beside every result; None for numbers fixed in
            advance.

    Raises:
        ValueError: If the normalization is unknown.
        TypeError: If the background is one that the network learns.
    """

    def __init__(self, normalization: str = 'max', background: dict | None = None, tuned_on: str | None = None) -> None:
        if normalization not in NORMALIZATIONS:
            raise ValueError(
                f'`class_activation_maps.normalization` must be one of {NORMALIZATIONS}, got {normalization!r}'
            )
        self.normalization = normalization
        self.provenance = dict(tuned_on=tuned_on) if tuned_on else {}
        self.background = MODELS.build(background or dict(type='mmwsl.ConstantBackground', threshold=0.3))
        if not isinstance(self.background, SigmoidBackground):
            raise TypeError(
                f'`class_activation_maps.background` cannot be {type(self.background).__name__}, since maps are '
                "normalized per class: use type='mmwsl.ConstantBackground' or 'mmwsl.PowerBackground'"
            )

    def __call__(self, views: Sequence[Tensor]) -> Tensor:
        """Merge scores ``(K, H, W)`` of all views to ``(K, H, W)`` in [0, 1]; their channel 0 is not used."""
        return self.background.add_background(class_activation_maps([view[1:] for view in views], self.normalization))
