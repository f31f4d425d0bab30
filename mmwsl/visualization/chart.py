"""Bar chart of the results of several runs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure


def draw_chart(rows: Sequence[dict[str, Any]]) -> Figure:
    """Draw the IoU of every class and run, and mIoU against the annotation time.

    Args:
        rows: One dict per run with ``run``, ``mIoU``, ``IoU_CLASS`` in percent or None, and ``annotation_seconds``.

    Returns:
        The figure, without a window.
    """
    keys = ['mIoU', *(key for key in rows[0] if key.startswith('IoU_'))]
    figure = Figure(figsize=(6 + 0.7 * len(keys), 4), layout='constrained')
    bars, costs = figure.subplots(1, 2, width_ratios=(len(keys), 4))
    width = 0.8 / len(rows)
    for index, row in enumerate(rows):
        heights = [np.nan if row[key] is None else row[key] for key in keys]
        positions = np.arange(len(keys)) + width * (index - (len(rows) - 1) / 2)
        bars.bar(positions, heights, width, label=row['run'])
        costs.plot(row['annotation_seconds'] / 3600, row['mIoU'], 'o')
    bars.set_xticks(range(len(keys)), [key.removeprefix('IoU_') for key in keys], rotation=45, ha='right')
    bars.set_ylabel('IoU, percent')
    # One legend for both parts, whose colors are the same.
    figure.legend(*bars.get_legend_handles_labels(), loc='outside upper left', ncols=4, fontsize=8)
    costs.set_xscale('log')
    costs.margins(x=0.5, y=0.2)
    costs.set_xlabel('annotation, hours')
    costs.set_ylabel('mIoU, percent')
    return figure
