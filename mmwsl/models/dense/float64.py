"""A network of float32 that computes in float64."""

from torch import Tensor, nn
from torch.func import functional_call


class Float64(nn.Module):
    """Computes in float64 what comes and goes in the precision of the pictures.

    The order in which a network and its dense version add numbers is not the same. In float32 that shows in the last
    two digits, which is more than 1e-5 where scores are in the tens; with both in float64, the scores that they
    return in float32 differ in the last bit at most. It takes two to three times as long.

    The parameters stay as they are, and are the network's own: they are converted each time.

    Args:
        network: A network of one input.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.train(network.training)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Run the network on ``x``, and return its map or maps in the precision of ``x``."""
        state = {name: tensor.double() if tensor.is_floating_point() else tensor
                 for name, tensor in (*self.network.named_parameters(), *self.network.named_buffers())}
        out = functional_call(self.network, state, (x.double(), ))  # autocast leaves float64 alone
        return out.to(x.dtype) if isinstance(out, Tensor) else tuple(one.to(x.dtype) for one in out)
