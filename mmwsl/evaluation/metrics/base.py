"""Base class of the metrics and the table they log."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger, print_log
from prettytable import PrettyTable
from torch import Tensor

from ...utils.sample_fields import check_fields


class PerImageMetric(BaseMetric):
    """Base class of metrics that reduce each data sample to one result.

    Subclasses define :meth:`process_sample` and ``compute_metrics``. They list in ``required_fields`` the fields of
    the data sample that they read, each with the part of the config that adds it.
    """

    required_fields: dict[str, str]

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Append the result of each data sample of a batch.

        Raises:
            KeyError: If a data sample lacks a required field.
        """
        for sample in data_samples:
            check_fields(self, sample, self.required_fields)
            self.results.append(self.process_sample(sample))

    @abstractmethod
    def process_sample(self, sample: dict[str, Any]) -> Any:
        """Return the result of one data sample, on the CPU."""

    def ground_truth(self, sample: dict[str, Any], field: str) -> Tensor:
        """Return the ground-truth mask ``(H, W)`` of a data sample.

        Args:
            sample: Data sample with ``gt_sem_seg``.
            field: Predicted field ``(C, H, W)`` that the mask is compared with.

        Raises:
            ValueError: If the mask differs in size from the prediction.
        """
        mask, size = sample['gt_sem_seg']['data'].squeeze(0), sample[field]['data'].shape[1:]
        if mask.shape != size:
            raise ValueError(
                f'{type(self).__name__}: `gt_sem_seg` must have the size {tuple(size)} of `{field}`, got '
                f"{tuple(mask.shape)}. Place the transform type='LoadAnnotations' after 'Resize'."
            )
        return mask


def class_mean(values: Sequence[float] | np.ndarray) -> float:
    """Return the mean over classes, rounded to two decimals.

    A class without a value (NaN) does not count. The mean is NaN if no class has a value.
    """
    return float('nan') if np.isnan(values).all() else round(float(np.nanmean(values)), 2)


def log_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table with a title to the current log."""
    table = PrettyTable(columns)
    table.add_rows([list(row) for row in rows])
    print_log(f'{title}:\n{table}', MMLogger.get_current_instance())
