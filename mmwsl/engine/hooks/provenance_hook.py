"""Writes beside a result what it owes to, other than the weights."""

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from ...inference import join_provenance
from ...registry import HOOKS


def collect_provenance(model: nn.Module) -> dict[str, str]:
    """Ask every part of a model what supervision its predictions use, beyond that of the training.

    A part, that is a module or a step of a module's ``postprocessors``, answers with an attribute
    ``provenance: dict[str, str]``, such as ``dict(tuned_on='masks of voc6 train')``. Answers under one key are joined.

    Args:
        model: The model, also within wrappers.

    Returns:
        One text for each key, empty if nothing is to be said.
    """
    modules = list(model.modules())
    pipelines = [module.pipeline for module in modules if hasattr(module, 'pipeline')]
    return join_provenance(getattr(part, 'provenance', {}) for part in modules + pipelines)


@HOOKS.register_module()
class ProvenanceHook(Hook):
    """Add :func:`collect_provenance` of the model to the metrics of validation and testing.

    From there mmengine takes it to the log, the JSON file of a test and the metrics that the runner returns. (The
    scalars of a validation in ``vis_data`` are numbers only.)
    """

    priority = 'HIGHEST'  # before RuntimeInfoHook, which hands the metrics on

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Add the texts to the metrics."""
        self._add(runner, metrics)

    def after_test_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Add the texts to the metrics."""
        self._add(runner, metrics)

    @staticmethod
    def _add(runner: Runner, metrics: dict | None) -> None:
        if metrics is not None:
            metrics.update(collect_provenance(runner.model))
