"""Scorer with the exact dense version of the network."""

from torch import Tensor, nn

from ...functional import interpolate_score_map
from ...registry import SCORERS
from ..dense import Fields, Float64, convert_to_dense, dense_scores, receptive_field, trace_with_stride
from ..input_padding import InputPadding
from ..segmentor import Segmentor
from .base import Scorer


@SCORERS.register_module()
class DenseScorer(Scorer):
    """Scorer with the dense version of the network: its scores at every ``stride``-th pixel.

    It gives the scores of shift-and-stitch, see :func:`mmwsl.inference.dense.convert_to_dense`, each placed at the
    center of its receptive field. The image-level score is aggregated from the score map of every pixel.

    The dense network is made in the first prediction. It shares the weights, so that it follows training and loading,
    and is made again if a layer or its weights were replaced, e.g. moved to another device. Training and the state dict
    do not change.

    Args:
        stride: Stride of the dense score map in pixels; a divisor of the network's.
        max_memory: Upper bound of the activations in bytes, see :func:`mmwsl.inference.dense.dense_scores`. None is no
            bound.
        float64: Compute in float64, see :class:`mmwsl.inference.dense.Float64`. ``max_memory`` then counts the
            converted weights too, and on a CPU it does not count the unfolded inputs of convolutions.

    Raises:
        ValueError: If ``stride`` or ``max_memory`` is not a positive integer; when the segmentor is built, if the
            stride of the network is not a multiple of ``stride`` or its receptive field is not known; at the first
            prediction, if a layer has no dense version.
    """

    input_padding: InputPadding

    def __init__(
        self,
        stride: int = 1,
        max_memory: int | None = None,
        float64: bool = False,
    ) -> None:
        self.input_padding = InputPadding()
        for name, value in (('stride', stride), ('max_memory', 1 if max_memory is None else max_memory)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f'`scorer.{name}` must be a positive integer, got {value!r}.')
        self.stride, self.max_memory, self.float64 = stride, max_memory, float64
        self._source: list[object] = []  # layers and weights that the dense network was made of
        self._dense: tuple[nn.Module, Fields] | None = None

    def check(self, segmentor: Segmentor) -> None:
        """Check that the network has a dense version of the stride; see the parent."""
        super().check(segmentor)
        trace_with_stride(segmentor.score_network(), self.stride)

    def __call__(
        self, segmentor: Segmentor, inputs: Tensor, batch_img_metas: list[dict]
    ) -> tuple[Tensor, Tensor | None]:
        """Score a batch; see :meth:`Scorer.__call__`."""
        height, width = inputs.shape[2:]
        padded, covered_size, offset = self.input_padding(segmentor, inputs)
        score_map = self.score_pixels(segmentor.score_network(), padded, covered_size, offset)
        image_logits = segmentor.aggregate(score_map, batch_img_metas, (height, width), covered_size)
        return score_map[..., :height, :width], image_logits

    def score_pixels(
        self, network: nn.Module, inputs: Tensor, size: tuple[int, int], offset: tuple[int, int] = (0, 0)
    ) -> Tensor:
        """Score images by the dense version of a network.

        Args:
            network: Network to convert, ``(N, 3, H, W)`` to ``(N, K, h, w)``.
            inputs: Images, ``(N, 3, H, W)``.
            size: Height and width of the result.
            offset: Row and column of the inputs at which the result starts.

        Returns:
            Scores of the pixels, ``(N, K, *size)``. Pixels outside of the first and last location get the scores of the
            nearest one.
        """
        source: list[object] = [*list(network.modules())[1:], *network.parameters(), *network.buffers()]
        if len(source) != len(self._source) or any(a is not b for a, b in zip(source, self._source, strict=True)):
            self._source, self._dense = source, None
        if self._dense is None:
            dense = convert_to_dense(network, self.stride)
            self._dense = dense, receptive_field(dense)
        dense, fields = self._dense
        scores = dense_scores(Float64(dense) if self.float64 else dense, inputs, self.max_memory, fields)
        first = [field.center - before for field, before in zip(fields, offset, strict=True)]
        return interpolate_score_map(scores, size, first, [field.stride for field in fields])
