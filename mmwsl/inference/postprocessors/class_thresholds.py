"""Thresholds per class as a step."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from ...functional import class_thresholds
from ...registry import POSTPROCESSORS
from .base import PostProcessor


@POSTPROCESSORS.register_module()
class ClassThresholds(PostProcessor):
    """Background where the best class does not exceed its threshold; see :func:`mmwsl.functional.class_thresholds`.

    Args:
        thresholds: One number for all foreground classes, a list with one for each, or a JSON file with the list
            under ``thresholds`` and a word on their origin under ``tuned_on``, such as
            :class:`mmwsl.evaluation.ClassThresholdSearch` writes.
        tuned_on: What the numbers were chosen with, which is said beside every result; None for numbers fixed in
            advance. A file brings its own.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file or the numbers are not as above.
    """

    def __init__(self, thresholds: float | Sequence[float] | str | Path, tuned_on: str | None = None) -> None:
        if isinstance(thresholds, (str, Path)):
            thresholds, tuned_on = self._read(thresholds)
        try:
            values = torch.as_tensor(thresholds, dtype=torch.float32)
        except (TypeError, ValueError, RuntimeError):
            values = torch.tensor(torch.nan)
        if values.dim() > 1 or not values.isfinite().all():
            raise ValueError(
                f'`thresholds` must be a number or a list of numbers, one a foreground class, got {thresholds}'
            )
        self.thresholds = values
        self.tuned_on = tuned_on

    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Replace the background of ``probs (K, H, W)`` by the threshold of the best class."""
        values = self.thresholds
        return class_thresholds(probs, values if values.dim() else values.expand(len(probs) - 1))

    @staticmethod
    def _read(path: str | Path) -> tuple[list[float], str]:
        if not Path(path).is_file():
            raise FileNotFoundError(
                f'`thresholds` names the file {str(path)!r}, which does not exist: '
                f'`python tools/tune_thresholds.py CONFIG CHECKPOINT --out {path}` makes it'
            )
        try:
            content = json.loads(Path(path).read_text())
            return content['thresholds'], content['tuned_on']
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f'{str(path)!r} must be JSON with `thresholds` and `tuned_on` ({error!r})') from error
