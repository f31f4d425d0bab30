"""Dense scores of a segmentor."""

from collections import OrderedDict

from torch import Tensor, nn
from torch.func import functional_call

from ...functional import interpolate_score_map
from .conversion import convert_to_dense
from .tiling import dense_scores
from .tracing import Fields, receptive_field


class ScoreNetwork(nn.Sequential):
    """Backbone, neck and head of a segmentor as one network, ``(N, 3, H, W)`` to ``seg_logits (N, K, h, w)``."""

    def __init__(self, backbone: nn.Module, decode_head: nn.Module, neck: nn.Module | None = None) -> None:
        parts = dict(backbone=backbone, neck=neck, decode_head=decode_head)
        super().__init__(OrderedDict((name, part) for name, part in parts.items() if part is not None))


class Float64(nn.Module):
    """Wrapper that runs a network in float64; inputs and outputs keep the dtype of the images.

    The float32 scores of a network and its dense version then differ in the last bit at most. The parameters stay the
    network's own and are converted in every call. This takes memory and time; on a CPU, convolutions in float64 also
    unfold their inputs, and many GPUs are slow in float64.

    Args:
        network: Network of one input, whose mode is kept. In training mode, statistics of batches are lost.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.training = network.training  # not by train(), which would change the parts of the network

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Return the network's map, or a tuple of its maps, of images ``(N, C, H, W)``."""
        state = {
            name: tensor.double() if tensor.is_floating_point() else tensor
            for name, tensor in (*self.network.named_parameters(), *self.network.named_buffers())
        }
        out = functional_call(self.network, state, (x.double(),))  # autocast leaves float64 alone
        return out.to(x.dtype) if isinstance(out, Tensor) else tuple(one.to(x.dtype) for one in out)


class DenseInference:
    """Scores of every pixel by the dense version of a network, each location at the center of its receptive field.

    The dense network is made in the first call. It shares the weights, so that it follows training and loading, and is
    made again if the weights were replaced, e.g. moved to another device. It is not a module of the segmentor.

    Args:
        stride: Stride of the dense map in pixels; a divisor of the network's.
        max_memory: Bytes for the activations, see :func:`dense_scores`. No bound if None.
        float64: Compute in float64, see :class:`Float64`. ``max_memory`` then counts the converted weights too, and on
            a CPU it does not count the unfolded inputs of convolutions.

    Raises:
        ValueError: If ``stride`` or ``max_memory`` is not a positive integer.
    """

    def __init__(self, stride: int = 1, max_memory: int | None = None, float64: bool = False) -> None:
        for name, value in (('stride', stride), ('max_memory', max_memory)):
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ValueError(f'`{name}` of dense inference must be a positive integer, got {value!r}.')
        self.stride, self.max_memory, self.float64 = stride, max_memory, float64
        self._dense: tuple[nn.Module, Fields] | None = None

    def __call__(self, network: nn.Module, inputs: Tensor, size: tuple[int, int], before: int = 0) -> Tensor:
        """Score images.

        Args:
            network: Network to convert, usually a :class:`ScoreNetwork`.
            inputs: Images, ``(N, 3, H, W)``.
            size: Height and width of the result.
            before: Row and column of the inputs at which the result starts.

        Returns:
            Scores of the pixels, ``(N, K, *size)``. Pixels outside of the first and last location get the scores of the
            nearest one.
        """
        if self._dense is None or _weights(self._dense[0]) != _weights(network):
            dense = convert_to_dense(network, self.stride)
            self._dense = dense, receptive_field(dense)
        dense, fields = self._dense
        scores = dense_scores(Float64(dense) if self.float64 else dense, inputs, self.max_memory, fields)
        first = [field.center - before for field in fields]
        return interpolate_score_map(scores, size, first, [field.stride for field in fields])


def _weights(network: nn.Module) -> list[int]:
    """Return the identities of a network's parameters and buffers."""
    return [id(tensor) for tensor in (*network.parameters(), *network.buffers())]
