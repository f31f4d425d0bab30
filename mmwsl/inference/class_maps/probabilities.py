"""Class probabilities as class maps."""

from mmseg.utils import SampleList
from torch import Tensor

from ...registry import CLASS_MAPS
from ..segmentor import Segmentor
from .base import ClassMaps


@CLASS_MAPS.register_module()
class Probabilities(ClassMaps):
    """Class probabilities of the pixels, by the background model of the head or a softmax."""

    def __call__(
        self, segmentor: Segmentor, inputs: Tensor, data_samples: SampleList, scores: list[Tensor]
    ) -> list[Tensor]:
        """Compute the class maps of a batch; see :meth:`ClassMaps.__call__`."""
        return [segmentor.pixel_probs(score) for score in scores]
