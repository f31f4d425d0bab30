"""Runner of a training whose convolutions are stored channels last."""

from typing import Any

import torch
from torch import nn

from .runner import WeakSegRunner


class ChannelsLastRunner(WeakSegRunner):
    """``WeakSegRunner`` that stores the weights of convolutions channels last before it wraps the model.

    ``DistributedDataParallel`` makes its buffers of gradients in the order of the weights. For the rest see
    :class:`mmwsl.engine.hooks.ChannelsLastHook`.
    """

    def wrap_model(self, model_wrapper_cfg: dict | None, model: Any) -> nn.Module:
        """Wrap the model for several processes; see the parent."""
        return super().wrap_model(model_wrapper_cfg, model.to(memory_format=torch.channels_last))
