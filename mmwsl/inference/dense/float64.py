"""A network of float32 that computes in float64."""

from torch import Tensor, nn
from torch.func import functional_call


class Float64(nn.Module):
    """Computes in float64 what comes and goes in the precision of the images, for prediction.

    A network and its dense version do not add numbers in the same order. In float32 that shows in the last two
    digits, which is more than 1e-5 where scores are in the tens. With both in float64, the scores that they return
    in float32 differ in the last bit at most.

    The parameters stay as they are, and are the network's own: they are converted in every call. That takes memory
    and time; on a CPU, convolutions in float64 also unfold their inputs, and many GPUs are slow in it.

    Args:
        network: A network of one input, which it leaves in its mode. In training mode, statistics of batches are lost.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.training = network.training  # not by train(), which would change the parts of the network

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Run the network.

        Args:
            x: Images, ``(N, C, H, W)``.

        Returns:
            Its map, or a tuple of its maps, in the precision of ``x``.
        """
        state = {
            name: tensor.double() if tensor.is_floating_point() else tensor
            for name, tensor in (*self.network.named_parameters(), *self.network.named_buffers())
        }
        out = functional_call(self.network, state, (x.double(),))  # autocast leaves float64 alone
        return out.to(x.dtype) if isinstance(out, Tensor) else tuple(one.to(x.dtype) for one in out)
