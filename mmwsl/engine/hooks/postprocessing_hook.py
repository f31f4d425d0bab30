"""Hook that replaces the post-processors of a segmentor."""

from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.runner import Runner

from ...inference import Segmentor, find_segmentor
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
        ValueError: Before the run, if a post-processor does not suit the segmentor.
    """

    def __init__(self, postprocessors: Sequence[dict]) -> None:
        self.postprocessors = build_postprocessors(postprocessors)

    def before_run(self, runner: Runner) -> None:
        """Check that the post-processors suit the segmentor, before any training."""
        segmentor = self._segmentor(runner)
        for postprocessor in self.postprocessors:
            postprocessor.check(segmentor)

    def before_val(self, runner: Runner) -> None:
        """Install the post-processors."""
        self._segmentor(runner).pipeline.postprocessors = self.postprocessors

    def before_test(self, runner: Runner) -> None:
        """Install the post-processors."""
        self._segmentor(runner).pipeline.postprocessors = self.postprocessors

    @staticmethod
    def _segmentor(runner: Runner) -> Segmentor:
        segmentor = find_segmentor(runner.model)
        if segmentor is None:
            raise TypeError(
                'PostProcessingHook: `model` must be a segmentor with an inference pipeline, got '
                f"{type(runner.model).__name__}. Use type='mmwsl.WeakEncoderDecoder'."
            )
        return segmentor
