"""Writes the scores of a test once."""

from mmengine.dist import master_only
from mmengine.hooks import LoggerHook
from mmengine.runner import Runner

from ...registry import HOOKS


@HOOKS.register_module()
class MainProcessLoggerHook(LoggerHook):
    """``LoggerHook`` of which only the main process writes the JSON file of a test.

    With the parent every process opens the same file and writes it at the same time: their texts can end up mixed,
    and the file is then no JSON.
    """

    @master_only
    def after_test_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Log the metrics and write them."""
        super().after_test_epoch(runner, metrics)
