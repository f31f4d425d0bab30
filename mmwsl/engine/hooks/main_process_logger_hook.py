"""Logger hook for tests in several processes."""

from mmengine.dist import master_only
from mmengine.hooks import LoggerHook
from mmengine.runner import Runner

from ...registry import HOOKS


@HOOKS.register_module()
class MainProcessLoggerHook(LoggerHook):
    """``LoggerHook`` that writes the JSON file of a test only in the main process.

    With the parent, all processes write the same file at the same time. Their output can be mixed, and the file is
    then not valid JSON.
    """

    @master_only
    def after_test_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Log and write the metrics."""
        super().after_test_epoch(runner, metrics)
