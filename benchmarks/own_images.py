"""Write voc6 as someone's own images, for ``mmwsl run``: labels, a list of validation images, and their masks.

    python benchmarks/own_images.py work_dirs/own                                   # all of voc6
    python benchmarks/own_images.py work_dirs/own60 --classes cat dog person --train 45 --val 15 --seed 0
    mmwsl run work_dirs/own60/images --labels work_dirs/own60/labels.csv --val work_dirs/own60/val.txt \
        --masks work_dirs/own60/masks --out work_dirs/own60/project --time 5
    mmwsl predict work_dirs/own60/project work_dirs/own60/test --out work_dirs/own60/predicted
    python benchmarks/own_images.py work_dirs/own60 --compare work_dirs/own60/predicted/masks
    python benchmarks/own_images.py work_dirs/own60 --compare work_dirs/own60/project/labels/masks

A subset holds images whose labels are all among the classes. `test` are all such images of val.
"""

import argparse
import csv
import os
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmseg.evaluation import IoUMetric

from mmwsl.annotations import IGNORE_INDEX, read_mask, write_mask
from mmwsl.datasets.classes import VOC_CLASSES, voc_colormap

ROOT = Path(os.environ.get('MMWSL_DATA_ROOT', 'data'), 'voc6')
CLASSES = ('cat', 'cow', 'dog', 'horse', 'person', 'sheep')


def write(out: Path, classes: Sequence[str], counts: tuple[int | None, int | None], masks: int, seed: int) -> None:
    """Write labels, list and masks of the validation images and some training images, with links to the images."""
    with open(ROOT / 'image_labels.csv', newline='') as file:
        labels = {row['image']: row['labels'].split() for row in csv.DictReader(file)}
    indices = class_ids(classes)
    chosen: dict[str, list[str]] = {}
    for split, count in zip(('train_aug', 'val'), counts, strict=True):
        names = (ROOT / f'ImageSets/Segmentation/{split}.txt').read_text().split()
        names = [name for name in names if set(labels[name]) <= set(classes) and (count is None or labels[name])]
        if count is not None:
            random.Random(seed).shuffle(names)
        chosen[split] = names[:count]
        if split == 'val':
            chosen['test'] = names
    out.mkdir(parents=True)
    used = chosen['train_aug'] + chosen['val']
    rows = ''.join(f'{name}.jpg,{";".join(labels[name])}\n' for name in used)
    (out / 'labels.csv').write_text(f'image,labels\n{rows}')
    (out / 'val.txt').write_text(''.join(f'{name}.jpg\n' for name in chosen['val']))
    for folder, names in (('images', used), ('test', chosen['test'])):
        (out / folder).mkdir()
        for name in names:
            (out / folder / f'{name}.jpg').symlink_to((ROOT / f'JPEGImages/{name}.jpg').absolute())
    for name in chosen['val'] + chosen['train_aug'][:masks]:
        mask = indices[read_mask(ROOT / f'SegmentationClassAug/{name}.png')]
        write_mask(out / 'masks' / f'{name}.png', mask, voc_colormap(len(classes) + 1))
    (out / 'classes.txt').write_text('\n'.join(['background', *classes]))


def class_ids(classes: Sequence[str]) -> np.ndarray:
    """Return the index in ``classes``, background excluded, of each class of VOC; other classes are ignored."""
    indices = np.full(256, IGNORE_INDEX, np.uint8)
    indices[0] = 0
    for index, name in enumerate(classes, 1):
        indices[VOC_CLASSES.index(name)] = index
    return indices


def compare(out: Path, predicted: Path) -> None:
    """Print the IoU of the masks in a folder; uncertain pixels (255) are left out."""
    classes = (out / 'classes.txt').read_text().split()
    indices = class_ids(classes[1:])
    areas, kept, pixels = torch.zeros(2, len(classes)), 0, 0
    for path in predicted.glob('*.png'):
        mask, ground_truth = read_mask(path), indices[read_mask(ROOT / f'SegmentationClassAug/{path.name}')]
        kept += int((mask != IGNORE_INDEX).sum())
        pixels += mask.size
        ground_truth[mask == IGNORE_INDEX] = IGNORE_INDEX
        pair = (torch.from_numpy(part.astype(np.int64)) for part in (mask, ground_truth))
        areas += torch.stack(IoUMetric.intersect_and_union(*pair, len(classes), IGNORE_INDEX)[:2])
    ious = 100 * areas[0] / areas[1]
    print(f'mIoU {ious.mean():.1f}: ' + ', '.join(f'{name} {iou:.1f}' for name, iou in zip(classes, ious, strict=True)))
    print(f'on {100 * kept / pixels:.1f}% of the pixels')


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out', type=Path)
    parser.add_argument('--classes', nargs='+', choices=CLASSES, default=CLASSES)
    parser.add_argument('--train', type=int, help='number of training images; all by default')
    parser.add_argument('--val', type=int, help='number of validation images; all by default')
    parser.add_argument('--train-masks', type=int, default=0, help='number of training images with masks')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--compare', type=Path, metavar='MASKS', help='print the IoU of the masks in a folder')
    args = parser.parse_args()
    if args.compare:
        compare(args.out, args.compare)
    else:
        write(args.out, sorted(args.classes), (args.train, args.val), args.train_masks, args.seed)


if __name__ == '__main__':
    main()
