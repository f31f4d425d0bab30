"""Networks in float64."""

from torch import Tensor, nn
from torch.func import functional_call


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
