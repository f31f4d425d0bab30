"""Data of the gallery: one entry per image, and what the sliders need to count pixels of all images."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmwsl.functional.quantization import DEQUANTIZED, quantize_threshold

from .data import ReportData, ReportImage
from .doubt import doubts, label_disagreement, near_threshold
from .image_files import MASKS

DEFAULT_THRESHOLD = 0.3
Facts = Mapping[str, Any]


def start_thresholds(data: ReportData) -> list[float]:
    """Return the thresholds that the sliders start from: those of the data, or ``DEFAULT_THRESHOLD``."""
    if data.thresholds is None:
        return [DEFAULT_THRESHOLD] * (len(data.classes) - 1)
    return [float(value) for value in data.thresholds['thresholds']]


def gallery_entry(data: ReportData, image: ReportImage, number: int, facts: Facts) -> dict[str, Any]:
    """Return what the gallery knows of an image without its script; classes by their index.

    ``tops`` is the highest code of each class among the pixels where the class has the highest score: a labeled class
    has no pixel if it is below the code of its threshold.
    """
    index = {name: k for k, name in enumerate(data.classes)}
    thresholds = start_thresholds(data)
    labels = None if image.labels is None else sorted(index[name] for name in image.labels)
    tops = {k: int(np.flatnonzero(counts)[-1]) for k, counts in facts['histograms'].items()}
    found = classes_with_pixels(facts, tops, thresholds)
    missing = [] if found is None else [data.classes[k] for k in labels or () if k not in found]
    reasons = doubts(
        missing,
        near_threshold(facts['histograms'], thresholds) if 'pixels' in facts else None,
        None if image.labels is None else label_disagreement(image.labels, image.image_probs),
        image.agreement,
    )
    return dict(
        number=number,
        name=image.name,
        split=image.split,
        labels=labels,
        classes=labels if labels is not None else sorted((found or set()) - {0}),
        size=facts['size'],
        masks=[kind for kind in MASKS if kind in facts['areas']],
        codes='pixels' in facts,
        tops=tops,
        missing=len(missing),
        doubt=round(reasons[0].value, 4) if reasons else 0.0,
        reasons=[reason.text for reason in reasons if reason.value >= 0.005],
        notes=[*image.notes, *facts['errors']],
        probs={index[name]: round(prob, 3) for name, prob in image.image_probs.items() if name in index},
        iou={kind: round(value, 4) for kind, value in facts['iou'].items() if value is not None},
    )


def classes_with_pixels(facts: Facts, tops: Mapping[int, int], thresholds: Sequence[float]) -> set[int] | None:
    """Return the classes with a pixel in the pseudo-label, else by the thresholds, else in the prediction."""
    areas = facts['areas']
    if 'pseudo_label' in areas:
        return set(areas['pseudo_label'])
    if 'pixels' in facts:
        return {k for k, top in tops.items() if top >= quantize_threshold(thresholds[k - 1])}
    return set(areas['prediction']) if 'prediction' in areas else None


def gallery_data(data: ReportData, entries: Sequence[Mapping[str, Any]], facts: Sequence[Facts]) -> dict[str, Any]:
    """Return the content of the gallery's script.

    ``tails[k - 1][c]`` counts the pixels of all images where class k has the highest score, with a code of at least c.
    With it the fraction of pixels of a class is exact for any threshold. ``table`` is the score of each code.
    """
    counts = np.zeros((len(data.classes) - 1, 257), np.int64)
    for image in facts:
        for k, histogram in image['histograms'].items():
            counts[k - 1, :256] += histogram
    shown = sum('ground_truth' in image['areas'] for image in facts)
    origin = dict(data.thresholds or {})
    return dict(
        title=data.title,
        classes=list(data.classes),
        palette=np.asarray(data.palette).tolist(),
        table=DEQUANTIZED.tolist(),
        thresholds=start_thresholds(data),
        origin=dict(
            known=data.thresholds is not None,
            tuned_on=origin.get('tuned_on'),
            method=origin.get('method'),
            ground_truth=shown,
        ),
        spread=origin.get('spread') or {},
        tails=np.flip(np.flip(counts, 1).cumsum(1), 1).tolist(),
        pixels=sum(image.get('pixels', 0) for image in facts),
        images=list(entries),
    )
