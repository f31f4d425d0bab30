"""Data of the gallery: one entry per image, and what the sliders need to count pixels of all images."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mmwsl.functional.quantization import DEQUANTIZED, quantize_threshold

from .data import ReportData, ReportImage
from .doubt import doubts, label_disagreement, near_threshold
from .image_files import MASKS
from .overlaps import Overlaps, sum_overlaps

DEFAULT_THRESHOLD = 0.3
MEASURED_SPLITS = ('val', 'train', 'new')
"""The splits in the order in which the masks by thresholds are measured: on the first with ground truth and scores."""
Facts = Mapping[str, Any]


class Measured(NamedTuple):
    """Masks by thresholds, before refinement, against the ground truth.

    Attributes:
        overlaps: Counts of the pixels.
        images: Number of images with both scores and ground truth.
        split: Their split; images of other splits are left out.
        note: Sentence that stands beside the numbers.
    """

    overlaps: Overlaps
    images: int
    split: str
    note: str

    @property
    def text(self) -> str:
        """The images in words: "15 val images"."""
        return f'{self.images} {self.split} image{"s" * (self.images > 1)}'


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


def measure_overlaps(data: ReportData, entries: Sequence[Mapping[str, Any]], facts: Sequence[Facts]) -> Measured | None:
    """Measure the masks by thresholds on the images of one split; None if no image has both scores and ground truth."""
    for split in MEASURED_SPLITS:
        both = [
            (entry, image['overlaps'])
            for entry, image in zip(entries, facts, strict=True)
            if entry['split'] == split and image.get('overlaps', {}).get('areas')
        ]
        if both:
            notes = []
            if all(entry['labels'] is not None and set(entry['tops']) <= set(entry['labels']) for entry, _ in both):
                notes.append('only classes in their image-level labels have scores')
            notes += [data.supervision] if data.supervision else []
            overlaps = sum_overlaps((counts for _, counts in both), len(data.classes))
            return Measured(overlaps, len(both), split, '; '.join(['measured on ground-truth masks', *notes]))
    return None


def gallery_data(
    data: ReportData, entries: Sequence[Mapping[str, Any]], facts: Sequence[Facts], measured: Measured | None
) -> dict[str, Any]:
    """Return the content of the gallery's script.

    ``tails[k - 1][c]`` counts the pixels of all images where class k has the highest score, with a code of at least c.
    With it the fraction of pixels of a class is exact for any threshold. ``table`` is the score of each code.
    ``measured`` has the counts of :class:`mmwsl.report.overlaps.Overlaps`, and null without ground truth.
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
        measured=measured
        and dict(
            tails=measured.overlaps.tails.tolist(),
            areas=measured.overlaps.areas.tolist(),
            pixels=measured.overlaps.pixels,
            text=measured.text,
        ),
        images=list(entries),
    )
