"""Show where masks of voc6 fail: where the pixels of a class go, and a grid of its worst images.

    python benchmarks/failures.py work_dirs/labels_train/masks --class person
    python benchmarks/failures.py work_dirs/predicted/masks --out failures.png      # of all classes

The folder has masks of class indices, such as those of ``generate_pseudo_labels.py`` or ``mmwsl predict``. Uncertain
pixels (255) are left out. The image IoU of a class is that of its pixels in one image.
"""

import argparse
import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from own_images import CLASSES, ROOT, class_ids

from mmwsl.annotations import IGNORE_INDEX, read_mask
from mmwsl.datasets.classes import voc_colormap
from mmwsl.utils.images import read_image
from mmwsl.visualization import colorize_mask, image_grid

NAMES = ('background', *CLASSES)
FRACTIONS = (0, 0.01, 0.03, 0.1, 0.3, 1)
"""Limits of the groups by the fraction of the image that a class covers; the last limit belongs to its group."""


@dataclass
class Case:
    """Confusion of one image: ``counts[i, j]`` pixels of class i are labeled as class j."""

    image: str
    labels: frozenset[str]
    counts: np.ndarray

    def fraction(self, index: int) -> float:
        """Return the fraction of the pixels that are of a class."""
        return self.counts[index].sum() / max(self.counts.sum(), 1)

    def iou(self, index: int) -> float:
        """Return the IoU of a class in this image; NaN if it is absent."""
        union = self.counts[index].sum() + self.counts[:, index].sum() - self.counts[index, index]
        return self.counts[index, index] / union if union else float('nan')


def ground_truth(image: str) -> np.ndarray:
    """Read the ground truth of an image."""
    return class_ids(CLASSES)[read_mask(ROOT / f'SegmentationClassAug/{image}.png')]


def read_cases(masks: Path) -> list[Case]:
    """Compare all masks of a folder with the ground truth."""
    with open(ROOT / 'image_labels.csv', newline='') as file:
        labels = {row['image']: frozenset(row['labels'].split()) for row in csv.DictReader(file)}
    cases = []
    for path in sorted(masks.glob('*.png')):
        mask, truth = read_mask(path), ground_truth(path.stem)
        known = (mask != IGNORE_INDEX) & (truth != IGNORE_INDEX)
        pairs = truth[known].astype(int) * len(NAMES) + mask[known]
        counts = np.bincount(pairs, minlength=len(NAMES) ** 2).reshape(len(NAMES), len(NAMES))
        cases.append(Case(path.stem, labels[path.stem], counts))
    return cases


def describe(cases: list[Case], name: str) -> str:
    """Return what the pixels of a class are labeled as, and how its IoU depends on the fraction of the image."""
    index = NAMES.index(name)
    cases = [case for case in cases if name in case.labels]
    counts = sum(case.counts for case in cases)
    beside = Counter(', '.join(sorted(case.labels - {name})) or 'nothing' for case in cases)
    lines = [
        f'{name}: {len(cases)} images, beside ' + ', '.join(f'{other} {n}' for other, n in beside.most_common()),
        f'its pixels are labeled {_percentages(counts[index])}',
        f'what is labeled {name} is {_percentages(counts[:, index])}',
    ]
    for low, high in zip(FRACTIONS, FRACTIONS[1:], strict=False):
        group = [case for case in cases if low <= case.fraction(index) < high or case.fraction(index) == high == 1]
        found = [case.iou(index) for case in group if not np.isnan(case.iou(index))]
        if found:
            lines.append(
                f'{low:.0%} to {high:.0%} of the image: {len(found)} images, mean image IoU {np.mean(found):.2f}'
            )
    return '\n'.join(lines)


def _percentages(counts: np.ndarray) -> str:
    """Return the percentages of the classes from half a percent on, the largest first."""
    parts = 100 * counts / max(counts.sum(), 1)
    return ', '.join(f'{NAMES[i]} {parts[i]:.0f}%' for i in np.argsort(-parts) if parts[i] >= 0.5) or 'nothing'


def worst(cases: list[Case], names: Sequence[str], count: int) -> list[Case]:
    """Return the images whose labeled classes have the lowest mean image IoU; those of other sets of labels first."""
    scores = {}
    for case in cases:
        ious = [case.iou(NAMES.index(name)) for name in case.labels.intersection(names)]
        if not np.isnan(ious).all():  # false for an image without these classes too
            scores[case.image] = np.nanmean(ious)
    seen: Counter[frozenset[str]] = Counter()
    ranks = []
    for case in sorted((case for case in cases if case.image in scores), key=lambda case: scores[case.image]):
        ranks.append((seen[case.labels], scores[case.image], case))
        seen[case.labels] += 1
    return [case for *_, case in sorted(ranks, key=lambda rank: rank[:2])[:count]]


def draw(cases: list[Case], masks: Path, out: Path, images: bool = True) -> None:
    """Draw a column for each image: the image, its ground truth and the mask below each other."""
    colors = voc_colormap(21)
    colors = [colors[0], *(colors[i] for i in np.flatnonzero(class_ids(CLASSES)[:21] != IGNORE_INDEX)[1:])]
    columns = {}
    for case in cases:
        image = [np.asarray(read_image(ROOT / f'JPEGImages/{case.image}.jpg'))] if images else []
        pair = (ground_truth(case.image), read_mask(masks / f'{case.image}.png'))
        columns[case.image] = image + [colorize_mask(mask, colors) for mask in pair]
    image_grid(columns).save(out)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('masks', type=Path)
    parser.add_argument('--class', dest='classes', nargs='+', choices=CLASSES, default=CLASSES)
    parser.add_argument('--count', type=int, default=10, help='number of images in the grid (default %(default)s)')
    parser.add_argument('--out', type=Path, help='grid of the worst images')
    parser.add_argument('--masks-only', action='store_true', help='draw the masks only')
    args = parser.parse_args()
    cases = read_cases(args.masks)
    for name in args.classes:
        print(describe(cases, name), end='\n\n')
    if args.out:
        chosen = worst(cases, args.classes, args.count)
        draw(chosen, args.masks, args.out, not args.masks_only)
        for case in chosen:
            ious = ', '.join(f'{name} {case.iou(NAMES.index(name)):.2f}' for name in sorted(case.labels))
            print(f'{case.image}: {ious}; masks {_percentages(case.counts.sum(0))}')


if __name__ == '__main__':
    main()
