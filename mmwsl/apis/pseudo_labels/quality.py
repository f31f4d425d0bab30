"""Quality report of pseudo-labels, with or without ground-truth masks."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from mmcv.transforms import Compose
from mmengine.dataset import BaseDataset
from prettytable import PrettyTable

from mmwsl.annotations import IGNORE_INDEX, read_mask
from mmwsl.annotations.score_file import read_codes

from .items import ImageItem
from .masks import MaskRule, for_each

QUANTILES = (0.1, 0.5, 0.9)
RINGS = 5
"""Number of rings of equal width from the border of an image to its center."""
NOTHING = np.zeros(0)


class Counts(NamedTuple):
    """Pixel counts of one image.

    Attributes:
        areas: Pixels of each class, and of ignored pixels last, ``(K + 1,)``.
        overlaps: Result of :func:`_overlaps` for the argmax of the scores and for the mask, ``(2, 4, K)``. Empty
            without ground truth, as are ``rings``.
        rings: Result of :func:`_missed_foreground`, ``(2, RINGS)``.
    """

    areas: np.ndarray
    overlaps: np.ndarray = NOTHING
    rings: np.ndarray = NOTHING


def measure_quality(
    items: Sequence[ImageItem], classes: Sequence[str], ground_truth: BaseDataset | None = None, processes: int = 0
) -> dict[str, Any]:
    """Measure the pseudo-labels of images.

    Args:
        items: The images, with masks written.
        classes: Names of the classes, background first.
        ground_truth: The same images in the same order with their ground-truth masks.
        processes: Number of processes that share the images.

    Returns:
        Counts of images, and percentages of pixels.

        - ``images``, ``ignored`` pixels, and ``label_without_pixel``: the names of the images in which a labeled class
          has no pixel.
        - ``classes``, for each: ``images_with_label``, ``images_with_pixels``, ``label_without_pixel``: images with the
          label and without a pixel, ``percentage`` of the pixels that are not ignored, ``area``: quantiles 0.1, 0.5
          and 0.9 of the percentage in the images with pixels of the class.
        - With ground truth also ``mIoU``, and for each class ``IoU``, of ``argmax`` (the argmax of the scores) and of
          ``labels`` (the masks, without ignored pixels), and ``ignored`` of the pixels of the class.
        - With ground truth also ``missed_foreground``: the percentage of the foreground pixels that the masks label
          as background, in rings from the border to the center. A pixel belongs to a ring by its distance to the
          nearest side, as a fraction of the image's height or width: below 0.1, below 0.2, and so on.
    """
    count = len(classes)
    infos = [None if ground_truth is None else ground_truth.get_data_info(item.index) for item in items]
    load = None if ground_truth is None else ground_truth.pipeline
    tasks = list(zip(items, infos, strict=True))
    measured: list[Counts] = for_each(partial(_count, num_classes=count, load=load), tasks, processes)
    areas = np.stack([counts.areas for counts in measured])
    total, percentages = areas.sum(0), 100 * areas / areas.sum(1, keepdims=True)
    labeled = np.array([[k in (item.labels or ()) for k in range(count)] for item in items])
    found = areas[:, :count] > 0
    lost = labeled & ~found
    rows: list[dict[str, Any]] = [
        dict(
            name=name,
            images_with_label=int(labeled[:, k].sum()),
            images_with_pixels=int(found[:, k].sum()),
            label_without_pixel=int(lost[:, k].sum()),
            percentage=_percentage(total[k], total[:count].sum()),
            area=np.quantile(percentages[found[:, k], k], QUANTILES).round(2).tolist() if found[:, k].any() else None,
        )
        for k, name in enumerate(classes)
    ]
    report = dict(
        images=len(items),
        ignored=_percentage(total[count], total.sum()),
        classes=rows,
        label_without_pixel=[item.name for item, row in zip(items, lost, strict=True) if row.any()],
    )
    if ground_truth is not None:
        report |= _compare(rows, measured)
    return report


def _count(task: tuple[ImageItem, dict | None], num_classes: int, load: Compose | None) -> Counts:
    """Count the pixels of an image."""
    item, info = task
    mask = read_mask(item.mask)
    areas = np.bincount(mask.ravel(), minlength=256)
    areas = np.append(areas[:num_classes], areas[IGNORE_INDEX])
    if info is None or load is None:
        return Counts(areas)
    ground_truth = load(info)['gt_seg_map'].astype(np.int64)
    if ground_truth.shape != mask.shape:
        raise ValueError(
            f'--gt-masks: the mask of image {item.name!r} must have the size of its pseudo-label, {mask.shape}, got '
            f'{ground_truth.shape}. Pass the folder with the masks of these images.'
        )
    argmax = MaskRule().apply(read_codes(item.scores))
    not_ignored = np.where(mask == IGNORE_INDEX, IGNORE_INDEX, ground_truth)
    overlaps = [_overlaps(argmax, ground_truth, num_classes), _overlaps(mask, not_ignored, num_classes)]
    return Counts(areas, np.stack(overlaps), _missed_foreground(mask, ground_truth))


def _overlaps(mask: np.ndarray, ground_truth: np.ndarray, num_classes: int) -> np.ndarray:
    """Count intersection, union, predicted and ground-truth pixels of each class, ``(4, K)``, as mmseg's `IoUMetric`.

    In numpy: this runs in forked processes, where torch may wait for threads that only the parent has.
    """
    pairs = np.bincount((256 * ground_truth + mask).ravel(), minlength=256**2).reshape(256, 256)
    pairs[IGNORE_INDEX] = 0
    hits, predicted, true = (areas[:num_classes] for areas in (pairs.diagonal(), pairs.sum(0), pairs.sum(1)))
    return np.stack([hits, predicted + true - hits, predicted, true])


def _missed_foreground(mask: np.ndarray, ground_truth: np.ndarray) -> np.ndarray:
    """Count all foreground pixels and the ones labeled background in each ring, ``(2, RINGS)``."""
    distances = [np.minimum(np.arange(side) + 0.5, side - 0.5 - np.arange(side)) / side for side in mask.shape]
    rings = (2 * RINGS * np.minimum.outer(*distances)).astype(np.int64).clip(max=RINGS - 1)
    foreground = (ground_truth > 0) & (ground_truth != IGNORE_INDEX)
    return np.stack([np.bincount(rings[area], minlength=RINGS) for area in (foreground, foreground & (mask == 0))])


def _compare(rows: list[dict[str, Any]], measured: Sequence[Counts]) -> dict[str, Any]:
    """Add the IoUs to the rows of the classes, and return the summary of the comparison."""
    overlaps = np.sum([counts.overlaps for counts in measured], axis=0)
    foreground, missed = np.sum([counts.rings for counts in measured], axis=0)
    mean = {}
    for name, (hits, union, _, _) in zip(('argmax', 'labels'), overlaps, strict=True):
        ious = [_percentage(*pair) for pair in zip(hits, union, strict=True)]
        known = [iou for iou in ious if iou is not None]
        mean[name] = round(float(np.mean(known)), 2) if known else None
        for row, iou in zip(rows, ious, strict=True):
            row.setdefault('IoU', {})[name] = iou
    for row, pixels, kept in zip(rows, overlaps[0, 3], overlaps[1, 3], strict=True):
        row['ignored'] = _percentage(pixels - kept, pixels)
    return dict(mIoU=mean, missed_foreground=[_percentage(*pair) for pair in zip(missed, foreground, strict=True)])


def _percentage(part: float, whole: float) -> float | None:
    return round(100 * float(part) / float(whole), 2) if whole else None


def format_report(report: dict[str, Any]) -> str:
    """Format a report as a table with a summary."""
    compared = 'mIoU' in report
    table = PrettyTable(
        ['Class', 'Images with label', 'Images with pixels', 'Label without pixel', '% of pixels', 'Area 10/50/90%']
        + ['IoU argmax', 'IoU labels', '% ignored'] * compared
    )
    for row in report['classes']:
        cells = [row['name'], row['images_with_label'], row['images_with_pixels'], row['label_without_pixel']]
        cells += [row['percentage'], '/'.join(map(str, row['area'])) if row['area'] else None]
        if compared:
            cells += [row['IoU']['argmax'], row['IoU']['labels'], row['ignored']]
        table.add_row(['-' if cell is None else cell for cell in cells])
    lines = [
        table.get_string(),
        f'{report["images"]} images, {report["ignored"]}% of the pixels ignored, '
        f'{len(report["label_without_pixel"])} images with a label without a pixel',
    ]
    if compared:
        missed = ', '.join('-' if value is None else f'{value}%' for value in report['missed_foreground'])
        lines += [
            'mIoU: argmax {argmax}, labels {labels}'.format(**report['mIoU']),
            f'missed foreground, from the border to the center: {missed}',
        ]
    return '\n'.join(lines)
