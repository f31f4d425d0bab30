"""Background thresholds per class."""

from collections.abc import Sequence
from pathlib import Path

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from ...functional import class_thresholds
from ...registry import POSTPROCESSORS
from ...utils.files import load_json
from ...utils.text import shorten
from ..segmentor import Segmentor
from .base import PostProcessor


@POSTPROCESSORS.register_module()
class ClassThresholds(PostProcessor):
    """Background where the highest-scoring class does not exceed its threshold.

    See :func:`mmwsl.functional.class_thresholds`.

    Args:
        thresholds: One threshold for all foreground classes, a list with one for each, or a JSON file with the list
            under ``thresholds`` and its origin under ``tuned_on``, which
            :class:`mmwsl.evaluation.ClassThresholdSearch` writes.
        tuned_on: Masks that the thresholds were tuned on; None if they were fixed in advance. A file contains its own.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file or the thresholds are not as above, or when the segmentor is built, if there are not as
            many as foreground classes.
    """

    def __init__(self, thresholds: float | Sequence[float] | str | Path, tuned_on: str | None = None) -> None:
        if isinstance(thresholds, (str, Path)):
            thresholds, tuned_on = self._read(thresholds)
        try:
            values = torch.as_tensor(thresholds, dtype=torch.float32)
        except (TypeError, ValueError, RuntimeError, OverflowError, RecursionError):
            values = torch.tensor(torch.nan)
        if values.dim() > 1 or not ((values >= 0) & (values <= 1)).all():
            raise ValueError(
                '`thresholds` must be a number in [0, 1], or a list with one for each foreground class, got '
                f'{shorten(thresholds)}.'
            )
        self.thresholds = values
        self.tuned_on = tuned_on

    def check(self, segmentor: Segmentor) -> None:
        """Check that there is one threshold for each foreground class; see the parent."""
        super().check(segmentor)
        if self.thresholds.dim() and len(self.thresholds) != segmentor.num_classes - 1:
            raise ValueError(
                '`thresholds` must be one number, or one for each of the '
                f'{segmentor.num_classes - 1} foreground classes, got {len(self.thresholds)}.'
            )

    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Replace the background of ``probs (K, H, W)`` by the threshold of the highest-scoring class."""
        values = self.thresholds
        return class_thresholds(probs, values if values.dim() else values.expand(len(probs) - 1))

    @staticmethod
    def _read(path: str | Path) -> tuple[list[float], str]:
        if not Path(path).is_file():
            raise FileNotFoundError(
                f'`thresholds` names the file {str(path)!r}, which does not exist. Create it with '
                f'`python tools/tune_thresholds.py CONFIG CHECKPOINT --out {path}`.'
            )
        try:
            content = load_json(path, '`thresholds`', advice='Restore it, or make it again by `mmwsl tune-thresholds`.')
            return content['thresholds'], content['tuned_on']
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f'`thresholds`: {str(path)!r} must be JSON with the keys `thresholds` and `tuned_on`, got {error!r}.'
            ) from error
