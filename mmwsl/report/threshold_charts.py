"""Charts of the thresholds: how the measure that chose them reacts, and how IoU does where there is ground truth."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from mmwsl.functional.quantization import quantize_threshold

from .charts import line_chart
from .data import ReportData
from .doubt import code_of
from .gallery import Measured, start_thresholds

CODES = range(256)
"""Thresholds between the codes c and c + 1 have the same masks: those of the limit c + 1."""
TICKS = [(code_of(score), f'{score:g}') for score in (0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1)]
"""Axis of the thresholds: even in the codes, whose steps are fine near 0 and 1."""
Points = Sequence[tuple[float, float]]


def threshold_charts(data: ReportData, measured: Measured | None) -> list[dict[str, Any]]:
    """Return the threshold of each class, its spread over images, and how two measures react to it.

    ``chart`` shows the measure that chose the threshold, ``iou_chart`` the IoU of the class where there is ground
    truth. No other threshold changes the IoU of a foreground class.
    """
    if data.thresholds is None:
        return []
    thresholds = start_thresholds(data)
    if measured is not None:
        curves = 100 * np.stack([measured.overlaps.ious([code + 1] * len(thresholds)) for code in CODES], 1)
        chosen = 100 * measured.overlaps.ious([quantize_threshold(value) for value in thresholds])
    rows = []
    for k, (name, threshold) in enumerate(zip(data.classes[1:], thresholds, strict=True), 1):
        spread = (data.thresholds.get('spread') or {}).get(name)
        curve = (data.thresholds.get('curves') or {}).get(name)
        row = dict(name=name, threshold=threshold, spread=spread, what='', chart=Markup(), iou=None, iou_chart=Markup())
        text = f'of {name} against its threshold, {format_score(threshold)} is chosen'
        if curve:
            pairs = zip(curve['t'], curve['value'], strict=True)
            points = [(code_of(t), value) for t, value in pairs if value is not None]
            row |= dict(what=curve['what'], chart=_chart(points, f'{curve["what"]} {text}', threshold, spread))
        if measured is not None:
            chart = _chart(_between_codes(curves[k]), f'IoU {text}', threshold, spread)
            row |= dict(iou=float(chosen[k]), iou_chart=chart)
        rows.append(row)
    return rows


def mean_iou_chart(data: ReportData, measured: Measured | None) -> dict[str, Any] | None:
    """Return how mIoU reacts to one threshold for all classes, and mIoU of the chosen and of the best threshold."""
    if measured is None:
        return None
    count = len(data.classes) - 1
    curve = np.array([100 * measured.overlaps.mean_iou([code + 1] * count) for code in CODES])
    best = int(curve.argmax())
    title, mean, chosen = 'mIoU against one threshold for all classes', None, None
    if data.thresholds is not None:
        thresholds = start_thresholds(data)
        mean = float(np.mean(thresholds))
        chosen = 100 * measured.overlaps.mean_iou([quantize_threshold(value) for value in thresholds])
        title += f', {format_score(mean)} is the mean of the chosen thresholds'
    return dict(
        chart=_chart(_between_codes(curve), title, mean),
        mean=mean,
        chosen=chosen,
        best=float(curve[best]),
        best_threshold=math.sin(math.pi * min(best + 0.5, 255) / 510) ** 2,
        note=measured.note,
        images=measured.text,
    )


def format_score(value: float) -> str:
    """Format a score in [0, 1] with at most five decimals: the codes next to 0 and 1 differ from them by 0.00004."""
    return f'{value:.5f}'.rstrip('0').rstrip('.')


def _between_codes(values: np.ndarray) -> Points:
    """Return the points of a curve over the thresholds between the codes."""
    return [(min(code + 0.5, 255), float(value)) for code, value in zip(CODES, values, strict=True)]


def _chart(points: Points, title: str, threshold: float | None, spread: Sequence[float] | None = None) -> Markup:
    marker = None if threshold is None else code_of(threshold)
    band = None if spread is None else (code_of(spread[0]), code_of(spread[1]))
    return line_chart(points, title, 'threshold', marker, band, TICKS)
