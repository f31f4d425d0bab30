"""Hook that stores the weights of convolutions channels last."""

import torch
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner

from ...models import FusedSegDataPreProcessor
from ...registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Hook that stores the weights of convolutions, images and so feature maps channels last: ``(N, H, W, C)``.

    In a training on several GPUs, :class:`mmwsl.engine.channels_last_runner.ChannelsLastRunner` stores the weights
    channels last before this hook, when it wraps the model.

    Tensor cores of GPUs compute in this order; with the usual one, every convolution reorders its maps. Shapes and
    values stay the same. What a resumed optimizer has loaded is brought into the order of the weights, as its fused
    kernels require.
    """

    priority = 'LOW'  # after the hooks that copy the model

    def before_train(self, runner: Runner) -> None:
        """Change the order."""
        runner.model.to(memory_format=torch.channels_last)
        for module in runner.model.modules():
            if isinstance(module, FusedSegDataPreProcessor):
                module.channels_last = True
        wrappers = runner.optim_wrapper
        for wrapper in [wrappers] if isinstance(wrappers, OptimWrapper) else wrappers.values():
            for weight, state in wrapper.optimizer.state.items():
                for name, value in state.items():
                    if isinstance(value, torch.Tensor) and value.shape == weight.shape:
                        state[name] = torch.empty_like(weight, dtype=value.dtype).copy_(value)
