"""Dense prediction of a segmentor."""

from torch import Tensor, nn

from ...functional import interpolate_score_map
from .conversion import convert_to_dense
from .float64 import Float64
from .tiling import dense_scores
from .tracing import Fields, receptive_field


class ScoreNetwork(nn.Module):
    """Backbone, neck and head of a segmentor as one network, ``(N, 3, H, W)`` to ``seg_logits (N, K, h, w)``."""

    def __init__(self, backbone: nn.Module, decode_head: nn.Module, neck: nn.Module | None = None) -> None:
        super().__init__()
        self.backbone, self.neck, self.decode_head = backbone, neck, decode_head

    def forward(self, x: Tensor) -> Tensor:
        """Score every cell."""
        features = self.backbone(x)
        return self.decode_head(features if self.neck is None else self.neck(features))


class DenseInference:
    """Scores every pixel with the dense version of a segmentor's network, each cell at the middle of its field.

    The dense network is made when first needed. It shares the weights, so that it follows whatever trains or loads
    them, and is made again if they were replaced, e.g. moved to another device. It is no part of the segmentor's
    modules and state.

    Args:
        stride: Stride of the dense map, in pixels; a divisor of the network's.
        max_memory: Bytes for the activations, see :func:`mmwsl.models.dense_scores`. No bound if None.
        float64: Compute in float64, see :class:`mmwsl.models.Float64`. ``max_memory`` then counts the converted weights
            too, and on a CPU it does not count the unfolded inputs of convolutions.

    Raises:
        ValueError: If ``stride`` or ``max_memory`` is not a positive integer.
    """

    def __init__(self, stride: int = 1, max_memory: int | None = None, float64: bool = False) -> None:
        for name, value in (('stride', stride), ('max_memory', max_memory)):
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ValueError(f'`{name}` of dense inference must be a positive integer, got {value!r}')
        self.stride, self.max_memory, self.float64 = stride, max_memory, float64
        self._dense: nn.Module | None = None
        self._fields: Fields | None = None

    def __call__(self, network: nn.Module, inputs: Tensor, size: tuple[int, int], before: int = 0) -> Tensor:
        """Score images.

        Args:
            network: The network to convert, usually a :class:`ScoreNetwork`.
            inputs: Images, ``(N, 3, H, W)``.
            size: Height and width of the result.
            before: The result begins so many pixels below and right of the first pixel of the inputs.

        Returns:
            Scores at the pixels, ``(N, K, *size)``. Outside of the first and last cell, they are those of the nearest.
        """
        if self._dense is None or not _same_weights(self._dense, network):
            self._dense = convert_to_dense(network, self.stride)
            self._fields = receptive_field(self._dense)
        dense = Float64(self._dense) if self.float64 else self._dense
        scores = dense_scores(dense, inputs, self.max_memory, self._fields)
        first = [field.center - before for field in self._fields]
        return interpolate_score_map(scores, size, first, [field.stride for field in self._fields])


def _same_weights(one: nn.Module, two: nn.Module) -> bool:
    """Tell whether two networks hold the same tensors, not only equal ones."""
    ones, twos = ([id(tensor) for tensor in (*net.parameters(), *net.buffers())] for net in (one, two))
    return ones == twos
