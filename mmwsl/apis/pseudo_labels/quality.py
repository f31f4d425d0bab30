"""How good pseudo-labels are: against masks, or by what they say of themselves."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from mmcv.transforms import Compose
from mmengine.config import ConfigDict
from mmengine.dataset import BaseDataset
from mmseg.registry import DATASETS
from PIL import Image
from prettytable import PrettyTable

from mmwsl.apis.registered import is_mask_loader

from .images import ImageItem
from .masks import for_each
from .store import UNDECIDED, label_pixels, read_codes

QUANTILES = (0.1, 0.5, 0.9)
MASK_KEYS = ('seg_map_suffix', 'seg_map_classes', 'reduce_zero_label', 'ignore_index')
"""What a dataset says of its mask files."""
RINGS = 5
"""Into so many rings of equal width an image is cut, from its border to its center."""


def measure_quality(
    images: Sequence[ImageItem], classes: Sequence[str], truth: BaseDataset | None = None, processes: int = 0
) -> dict:
    """Measure the pseudo-labels of images.

    Args:
        images: The images, with masks written.
        classes: Names of the classes, background first.
        truth: The same images in the same order with their true masks, see :func:`ground_truth_dataset`.
        processes: How many processes share the images.

    Returns:
        Shares in percent.

        - ``images``, ``undecided``, and ``label_without_pixel``: the names of the images for which a class of the
          tags has no pixel.
        - ``classes``, for each: ``tagged`` images, images that are ``labeled`` with a pixel or more, those
          ``label_without_pixel``, ``share`` of the decided pixels, ``area``: the quantiles 0.1, 0.5 and 0.9 of its
          share of the images labeled with it.
        - With masks also ``mIoU``, and ``IoU`` for each class, of ``seeds`` (the best class of every pixel,
          background included) and of ``labels`` (the masks; undecided pixels do not count), and ``undecided``, the
          share of the true pixels left undecided.
        - With masks also ``missed_foreground``: of the true pixels of objects, the share that the masks call
          background, in rings from the border to the center. A pixel's ring is its distance to the nearest side, as a
          share of the image's height or width: below a tenth, below two tenths, and so on.
    """
    count = len(classes)
    infos = [None if truth is None else truth.get_data_info(image.index) for image in images]
    load = None if truth is None else truth.pipeline
    measured = for_each(partial(_measure, count=count, load=load), list(zip(images, infos, strict=True)), processes)
    areas = np.stack([areas for areas, _, _ in measured])
    labeled = areas[:, :count] > 0
    shares = areas / areas.sum(1, keepdims=True)
    tagged = np.array([[k in (image.labels or ()) for k in range(count)] for image in images])
    lost = tagged & ~labeled
    total = areas.sum(0)
    rows = []
    for k, name in enumerate(classes):
        present = shares[labeled[:, k], k]
        rows.append(
            dict(
                name=name,
                tagged=int(tagged[:, k].sum()),
                labeled=int(labeled[:, k].sum()),
                label_without_pixel=int(lost[:, k].sum()),
                share=_percent(total[k], total[:count].sum()),
                area=[round(100 * float(q), 2) for q in np.quantile(present, QUANTILES)] if len(present) else None,
            )
        )
    report = dict(
        images=len(images),
        undecided=_percent(total[count], total.sum()),
        classes=rows,
        label_without_pixel=[image.name for image, row in zip(images, lost, strict=True) if row.any()],
    )
    if truth is not None:
        _add_truth(report, np.sum([counts for _, counts, _ in measured], axis=0))
        objects, missed = np.sum([rings for _, _, rings in measured], axis=0)
        report['missed_foreground'] = [_percent(*pair) for pair in zip(missed, objects, strict=True)]
    return report


def ground_truth_dataset(dataset: ConfigDict, test_set: ConfigDict, masks: str) -> BaseDataset:
    """Build the dataset of the true masks.

    Args:
        dataset: Config of the dataset of the images. What it says of its own masks does not hold for these.
        test_set: One that says how true masks are loaded, named and numbered.
        masks: Folder of the masks, relative to ``data_root``.
    """
    loaders = [step for step in test_set.pipeline if is_mask_loader(step)]
    described = {key: value for key, value in dataset.items() if key not in MASK_KEYS}
    described.update({key: value for key, value in test_set.items() if key in MASK_KEYS})
    return DATASETS.build(
        dict(
            described,
            data_prefix=dict(dataset.data_prefix, seg_map_path=masks),
            pipeline=loaders or [dict(type='LoadAnnotations')],
        )
    )


def table(report: dict) -> str:
    """Lay out a report as text."""
    with_truth = 'mIoU' in report
    head = ['Class', 'Tagged', 'Labeled', 'Tag, no pixel', 'Share', 'Area 10/50/90 %']
    rows = PrettyTable(head + (['IoU seeds', 'IoU labels', 'Undecided'] if with_truth else []))
    for row in report['classes']:
        cells = [
            row['name'],
            row['tagged'],
            row['labeled'],
            row['label_without_pixel'],
            row['share'],
            '/'.join(map(str, row['area'])) if row['area'] else '-',
        ]
        if with_truth:
            cells += [row['IoU']['seeds'], row['IoU']['labels'], row['undecided']]
        rows.add_row(['-' if cell is None else cell for cell in cells])
    lost = report['label_without_pixel']
    lines = [
        rows.get_string(),
        f'{report["images"]} images, {report["undecided"]} % of the pixels undecided, '
        f'{len(lost)} images without a pixel of a class of their tags',
    ]
    if with_truth:
        lines.append('mIoU: seeds {seeds}, labels {labels}'.format(**report['mIoU']))
        lines.append(
            'objects called background, from the border to the center: '
            + ', '.join('-' if share is None else f'{share} %' for share in report['missed_foreground'])
        )
    return '\n'.join(lines)


def _measure(
    task: tuple[ImageItem, dict | None], count: int, load: Compose | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count the pixels of each label, undecided last, and, with masks, those of :func:`_areas` and :func:`_missed`."""
    image, info = task
    with Image.open(image.mask) as file:
        labels = np.array(file)
    areas = np.bincount(labels.ravel(), minlength=256)
    areas = np.append(areas[:count], areas[UNDECIDED])
    if info is None:
        return areas, np.zeros(0), np.zeros(0)
    truth = load(info)['gt_seg_map'].astype(np.int64)
    if truth.shape != labels.shape:
        raise ValueError(
            f'the true mask of image {image.name!r} is {truth.shape[0]}x{truth.shape[1]}, the '
            f'pseudo-label {labels.shape[0]}x{labels.shape[1]}: check that --masks are of these images'
        )
    decided = np.where(labels == UNDECIDED, UNDECIDED, truth)
    seeds = label_pixels(read_codes(image.scores))
    return (areas, np.stack([_areas(seeds, truth, count), _areas(labels, decided, count)]), _missed(labels, truth))


def _areas(labels: np.ndarray, truth: np.ndarray, count: int) -> np.ndarray:
    """Intersection, union, predicted and true area of each class, ``(4, K)``, as mmseg's `IoUMetric` counts them.

    Not by it: this runs in forked processes, where torch may wait for threads that only the parent has.
    """
    pairs = np.bincount((256 * truth + labels).ravel(), minlength=256**2).reshape(256, 256)
    pairs[UNDECIDED] = 0
    hits, predicted, true = (areas[:count] for areas in (pairs.diagonal(), pairs.sum(0), pairs.sum(1)))
    return np.stack([hits, predicted + true - hits, predicted, true])


def _missed(labels: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Count, in each ring, the pixels of objects and those of them that are labeled background, ``(2, RINGS)``."""
    distances = [np.minimum(np.arange(side) + 0.5, side - 0.5 - np.arange(side)) / side for side in labels.shape]
    rings = (2 * RINGS * np.minimum.outer(*distances)).astype(np.int64).clip(max=RINGS - 1)
    objects = (truth > 0) & (truth != UNDECIDED)
    return np.stack([np.bincount(rings[mask], minlength=RINGS) for mask in (objects, objects & (labels == 0))])


def _add_truth(report: dict, counts: np.ndarray) -> None:
    report['mIoU'] = {}
    for name, (hits, union, _, _) in zip(('seeds', 'labels'), counts, strict=True):
        ious = [_percent(*pair) for pair in zip(hits, union, strict=True)]
        known = [iou for iou in ious if iou is not None]
        report['mIoU'][name] = round(float(np.mean(known)), 2) if known else None
        for row, iou in zip(report['classes'], ious, strict=True):
            row.setdefault('IoU', {})[name] = iou
    for row, every, decided in zip(report['classes'], counts[0, 3], counts[1, 3], strict=True):
        row['undecided'] = _percent(every - decided, every)


def _percent(part: float, whole: float) -> float | None:
    return round(100 * float(part) / float(whole), 2) if whole else None
