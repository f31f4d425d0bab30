"""Mixed precision in bfloat16."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from mmengine.runner.amp import autocast
from torch import nn

from ..registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """``OptimWrapper`` whose forward pass is computed in bfloat16 where autocast of torch allows it.

    Weights, gradients and optimizer stay in float32. bfloat16 has the range of float32: small gradients do not vanish.
    Unlike mmengine's ``AmpOptimWrapper``, which serves float16, it therefore scales no loss, and it runs on a CPU too.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Enter the context of the forward pass; see the parent."""
        with super().optim_context(model), autocast(dtype=torch.bfloat16):
            yield
