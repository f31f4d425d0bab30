"""Hook that rejects scores that are not finite."""

from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.structures import SegDataSample

from ...registry import HOOKS
from .finite_loss_hook import NonFiniteError


def check_scores(sample: SegDataSample) -> None:
    """Check that the scores of a prediction are finite: the argmax of NaN is a mask of the wrong class.

    Logits of minus infinity, of a class that is excluded, are accepted, but not for all classes and pixels.

    Args:
        sample: Prediction of a segmentor.

    Raises:
        NonFiniteError: If one is NaN or infinite.
    """
    for field in ('seg_logits', 'pred_scores'):
        if field in sample and not sample.get(field).data.max().isfinite():  # the maximum of NaN is NaN
            image = sample.metainfo.get('img_path')
            where = f'image {image!r}: ' if image else ''
            raise NonFiniteError(f'{where}`{field}` must be finite, got NaN or infinity. Use an earlier checkpoint.')


@HOOKS.register_module()
class FiniteScoresHook(Hook):
    """Hook that stops a validation or a test at scores that are not finite, before they are measured or written."""

    priority = 'HIGHEST'  # before the hooks that write masks

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: Sequence | None = None
    ) -> None:
        """Check the scores of a batch."""
        for sample in outputs or ():
            check_scores(sample)

    after_test_iter = after_val_iter
