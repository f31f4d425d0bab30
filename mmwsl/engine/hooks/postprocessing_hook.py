"""Installs a post-processing chain in a model that was configured without one."""

from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner

from ...inference.postprocessors import build_postprocessors
from ...registry import HOOKS


@HOOKS.register_module()
class PostProcessingHook(Hook):
    """Install a chain of post-processors before validation and testing, in place of the model's own.

    A hook cannot post-process results itself: mmengine shows them to the evaluator first.

    Args:
        postprocessors: Configs of the chain, in order.
    """

    def __init__(self, postprocessors: Sequence[dict]) -> None:
        self.postprocessors = build_postprocessors(postprocessors)

    def before_val(self, runner: Runner) -> None:
        """Install the chain."""
        self._install(runner)

    def before_test(self, runner: Runner) -> None:
        """Install the chain."""
        self._install(runner)

    def _install(self, runner: Runner) -> None:
        model = runner.model
        while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
            model = model.module
        if not hasattr(model, 'pipeline'):
            raise TypeError(
                f'PostProcessingHook needs a segmentor that runs a chain, got {type(model).__name__}: '
                "use type='mmwsl.WeakEncoderDecoder'"
            )
        model.pipeline.postprocessors = self.postprocessors
