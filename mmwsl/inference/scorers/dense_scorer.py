"""Scorer with the exact dense version of the network."""

from typing import TYPE_CHECKING

from torch import Tensor

from ...registry import SCORERS
from ..dense import DenseInference
from .base import PaddingScorer

if TYPE_CHECKING:
    from ..segmentor import Segmentor


@SCORERS.register_module()
class DenseScorer(PaddingScorer):
    """Scorer with the dense version of the network: its scores at every ``stride``-th pixel.

    The scores are those of shift-and-stitch, see :func:`mmwsl.inference.dense.convert_to_dense`, each placed at the
    center of its receptive field. The image-level score is aggregated from the score map of every pixel. Training and
    the state dict do not change.

    Args:
        stride: Stride of the dense score map in pixels; a divisor of the network's.
        max_memory: Upper bound of the activations in bytes, see :func:`mmwsl.inference.dense.dense_scores`. None is no
            bound.
        float64: Compute in float64, see :class:`mmwsl.inference.dense.Float64`.
        input_padding: See :class:`PaddingScorer`.

    Raises:
        ValueError: If ``stride`` or ``max_memory`` is not a positive integer; at the first prediction, if the network
            has no dense version of that stride.
    """

    def __init__(
        self,
        stride: int = 1,
        max_memory: int | None = None,
        float64: bool = False,
        input_padding: dict[str, int] | None = None,
    ) -> None:
        super().__init__(input_padding)
        self.dense_inference = DenseInference(stride, max_memory, float64)

    def __call__(
        self, segmentor: 'Segmentor', inputs: Tensor, batch_img_metas: list[dict]
    ) -> tuple[Tensor, Tensor | None]:
        """Score a batch; see :meth:`Scorer.__call__`."""
        height, width = inputs.shape[2:]
        padded, canvas, before = self.pad_inputs(inputs)
        score_map = self.dense_inference(segmentor.score_network(), padded, canvas, before)
        image_logits = segmentor.aggregate(score_map, batch_img_metas, (height, width), canvas)
        return score_map[..., :height, :width], image_logits
