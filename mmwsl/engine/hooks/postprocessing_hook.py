"""Hook that replaces the post-processors of a segmentor."""

from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner

from ...inference import InferencePipeline
from ...inference.postprocessors import build_postprocessors
from ...registry import HOOKS


@HOOKS.register_module()
class PostProcessingHook(Hook):
    """Hook that replaces the post-processors of the segmentor before validation and testing.

    A hook cannot post-process predictions itself: mmengine passes them to the evaluator before it calls the hooks.

    Args:
        postprocessors: Configs of the post-processors, in order.

    Raises:
        TypeError: Before the run, if the segmentor has no inference pipeline.
    """

    def __init__(self, postprocessors: Sequence[dict]) -> None:
        self.postprocessors = build_postprocessors(postprocessors)

    def before_run(self, runner: Runner) -> None:
        """Check the segmentor, before any training."""
        self._pipeline(runner)

    def before_val(self, runner: Runner) -> None:
        """Install the post-processors."""
        self._pipeline(runner).postprocessors = self.postprocessors

    def before_test(self, runner: Runner) -> None:
        """Install the post-processors."""
        self._pipeline(runner).postprocessors = self.postprocessors

    @staticmethod
    def _pipeline(runner: Runner) -> InferencePipeline:
        model = runner.model
        while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
            model = model.module
        if not hasattr(model, 'pipeline'):
            raise TypeError(
                'PostProcessingHook: `model` must be a segmentor with an inference pipeline, got '
                f"{type(model).__name__}. Use type='mmwsl.WeakEncoderDecoder'."
            )
        return model.pipeline
