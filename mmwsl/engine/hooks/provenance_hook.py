"""Hook that adds the supervision used at test time to the metrics."""

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from ...inference import join_provenance
from ...registry import HOOKS


def collect_provenance(model: nn.Module) -> dict[str, str]:
    """Collect the supervision that the predictions of a model use, in addition to its training.

    Every module may have an attribute ``provenance: dict[str, str]``, such as ``dict(tuned_on='masks of voc6 train')``.
    The texts of one key are joined.

    Args:
        model: The model; wrappers are allowed.

    Returns:
        One text per key; empty if the predictions use no other supervision.
    """
    return join_provenance(getattr(module, 'provenance', {}) for module in model.modules())


@HOOKS.register_module()
class ProvenanceHook(Hook):
    """Hook that adds :func:`collect_provenance` to the metrics of validation and testing.

    mmengine then writes it to the log and to the JSON file of a test, and the runner returns it with the metrics. The
    scalars of a validation in ``vis_data`` contain numbers only.
    """

    priority = 'HIGHEST'  # before RuntimeInfoHook, which stores the metrics

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
