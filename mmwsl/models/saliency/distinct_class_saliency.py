"""Distinct class saliency."""

from collections.abc import Sequence

from torch import Tensor

from ...functional import distinct_class_saliency
from ...registry import MODELS
from .guided_backprop_saliency import GuidedBackpropSaliency


@MODELS.register_module()
class DistinctClassSaliency(GuidedBackpropSaliency):
    """Saliency that tells the classes of an image apart (DCSM, Shimoda & Yanai, ECCV 2016).

    It differs from its parent in what becomes of the maps of layers and scales: see
    :func:`mmwsl.functional.distinct_class_saliency`. Classes that ``num_compared`` adds are subtracted but get no map of
    their own. The classes are chosen once, at the scale of the input, and not at each scale as in the authors' code,
    whose constants are the defaults. Values lie in [0, tanh(gain)], so that a map may
    stand for a probability.

    Args:
        layers: Names of modules of the segmentor; published are the last nine convolutions of VGG-16, conv3_1 to
            conv5_3.
        gain: Factor in the hyperbolic tangents.
        signal: See the parent.
        scales: See the parent.
        num_compared: If fewer classes are asked for, the next best are added to be compared with.
        min_classes: See the parent.
        **kwargs: Of the parent.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        layers: Sequence[str],
        gain: float = 3.0,
        signal: str = 'cells',
        scales: Sequence[float] = (0.8, 1.0, 1.2),
        num_compared: int = 4,
        min_classes: int = 0,
        **kwargs,
    ) -> None:
        super().__init__(layers, signal=signal, scales=scales, min_classes=min_classes, **kwargs)
        if not 0 < gain < float('inf'):
            raise ValueError(f'`gain` must be a positive finite number, got {gain}')
        if num_compared < 0:
            raise ValueError(f'`num_compared` must be 0 or more, got {num_compared}')
        self.gain, self.num_compared = gain, num_compared

    def combine(self, maps: Tensor) -> Tensor:
        """Compare the classes at every layer and scale, ``(L, C, H, W)`` to ``(C, H, W)``."""
        return distinct_class_saliency(maps, self.gain)

    def finish(self, maps: Tensor) -> Tensor:
        """Leave the values of the maps as they are."""
        return maps
