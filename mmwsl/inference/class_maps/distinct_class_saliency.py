"""Distinct class saliency."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ...functional import distinct_class_saliency
from ...registry import CLASS_MAPS
from .guided_backprop_saliency import GuidedBackpropSaliency


@CLASS_MAPS.register_module()
class DistinctClassSaliency(GuidedBackpropSaliency):
    """Saliency that separates the classes of an image (DCSM, Shimoda & Yanai, ECCV 2016).

    It differs from its parent in how the maps of layers and scales are combined: see
    :func:`mmwsl.functional.distinct_class_saliency`. By default the saliency itself is the class map. Classes that
    ``num_compared`` adds are subtracted but get no map. The classes are selected once, at the scale of the input, not
    at each scale as in the authors' code, whose constants are the defaults. Values are in [0, tanh(gain)], so that a
    map can replace a probability.

    Args:
        layers: Names of modules of the segmentor; the paper uses the last nine convolutions of VGG-16, conv3_1 to
            conv5_3.
        gain: Factor in the hyperbolic tangents.
        scores: See the parent.
        target: See the parent.
        scales: See the parent.
        num_compared: If fewer classes are selected, the highest-scoring others are added for comparison.
        min_classes: See the parent.
        **kwargs: Passed to :class:`GuidedBackpropSaliency`.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        layers: Sequence[str],
        gain: float = 3.0,
        scores: dict | None = None,
        target: str = 'score_map',
        scales: Sequence[float] = (0.8, 1.0, 1.2),
        num_compared: int = 4,
        min_classes: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(layers, scores, target=target, scales=scales, min_classes=min_classes, **kwargs)
        if not 0 < gain < float('inf'):
            raise ValueError(f'`gain` must be a positive finite number, got {gain}.')
        if num_compared < 0:
            raise ValueError(f'`num_compared` must be non-negative, got {num_compared}.')
        self.gain, self.num_compared = gain, num_compared

    def combine(self, maps: Tensor) -> Tensor:
        """Compare the classes at every layer and scale, ``(L, C, H, W)`` to ``(C, H, W)``."""
        return distinct_class_saliency(maps, self.gain)

    def normalize(self, maps: Tensor) -> Tensor:
        """Return the maps unchanged."""
        return maps
