"""COCO files of ground-truth instances, to evaluate or train an instance segmentation network with.

    python benchmarks/true_instances.py shapes OUT [--lengths 2000 300]
    python benchmarks/true_instances.py voc VOC2012 OUT [--lists train val]
    python benchmarks/true_instances.py compare TRUE_JSON PSEUDO_JSON

``shapes`` renders synthetic images of touching objects into ``OUT/train/images`` (the scenes that
configs/instances/wsl_lse_shapes_touching.py trains on) and ``OUT/val/images``. ``voc`` reads the class and the object
of each pixel from the folders SegmentationClass and SegmentationObject of the devkit. Both write
``OUT/LIST/annotations.json``: every visible instance, however small; in VOC, pixels at the borders are in none.
``compare`` measures pseudo-instances: ABO, and AP of instances that all have the score 1.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

from mmwsl.annotations import COCOInstanceWriter, coco_instances, read_mask, read_names
from mmwsl.datasets.classes import SHAPES_CLASSES, VOC_CLASSES, voc_colormap
from mmwsl.datasets.synthetic import draw_layout, render_image, render_instances, render_mask
from mmwsl.evaluation import InstanceMaskMetric

Item = tuple[str, np.ndarray, np.ndarray]


def write_instances(folder: Path, classes: tuple[str, ...], items: Iterator[Item]) -> None:
    """Write a COCO file of file names, masks ``(H, W)`` and ids of instances ``(H, W)``."""
    with COCOInstanceWriter(folder, classes, voc_colormap(len(classes)), min_fraction=0) as writer:
        for name, mask, instances in items:
            writer.write(name, mask, instances=instances)
    print(writer.output)


def shapes(folder: Path, seed: int, length: int, size: int = 96) -> Iterator[Item]:
    """Render scenes of touching objects into ``folder/images``."""
    (folder / 'images').mkdir(parents=True)
    for index in range(length):
        name = f'shapes-{seed}-{index:06d}.png'
        objects = draw_layout(seed, index, size, touching=True)
        cv2.imwrite(str(folder / 'images' / name), render_image(objects, size, seed, index))
        yield name, render_mask(objects, size), render_instances(objects, size)


def voc(root: Path, names: list[str]) -> Iterator[Item]:
    """Read the class and the object of each pixel of the images of a list."""
    for name in names:
        mask, instances = (
            read_mask(root / folder / f'{name}.png') for folder in ('SegmentationClass', 'SegmentationObject')
        )
        yield f'{name}.jpg', mask, instances


def compare(truth: Path, pseudo: Path) -> dict[str, float]:
    """Measure pseudo-instances of a COCO file; a class without ground truth does not count."""
    metric = InstanceMaskMetric(str(truth))
    found = coco_instances(pseudo)
    metric.dataset_meta = dict(classes=sorted({item.name for items in metric.instances.values() for item in items}))
    for name, truths in metric.instances.items():
        items = [item for item in found.get(name, ()) if item.name in metric.dataset_meta['classes']]
        shape = truths[0].shape if truths else items[0].shape if items else (1, 1)
        masks = np.array([item.mask() for item in items]).reshape(-1, *shape)
        labels = torch.tensor([metric.dataset_meta['classes'].index(item.name) for item in items], dtype=torch.long)
        predicted = dict(masks=masks, labels=labels, scores=torch.ones(len(items)))
        metric.process(None, [dict(img_path=name, pred_instances=predicted)])
    return metric.evaluate(len(metric.instances))


def main(argv: list[str] | None = None) -> None:
    """Write the files of one dataset."""
    parser = argparse.ArgumentParser(description='COCO files of ground-truth instances')
    commands = parser.add_subparsers(dest='dataset', required=True)
    command = commands.add_parser('shapes')
    command.add_argument('out', type=Path)
    command.add_argument('--lengths', type=int, nargs=2, default=(2000, 300), help='images of train and val')
    command = commands.add_parser('voc')
    command.add_argument('root', type=Path, help='folder VOC2012 of the devkit')
    command.add_argument('out', type=Path)
    command.add_argument('--lists', nargs='+', default=('train', 'val'), help='lists in ImageSets/Segmentation')
    command = commands.add_parser('compare')
    command.add_argument('truth', type=Path)
    command.add_argument('pseudo', type=Path)
    args = parser.parse_args(argv)
    if args.dataset == 'compare':
        print(compare(args.truth, args.pseudo))
    elif args.dataset == 'shapes':
        for seed, (split, length) in enumerate(zip(('train', 'val'), args.lengths, strict=True)):
            write_instances(args.out / split, SHAPES_CLASSES, shapes(args.out / split, seed, length))
    else:
        for split in args.lists:
            names = read_names(args.root / 'ImageSets' / 'Segmentation' / f'{split}.txt')
            write_instances(args.out / split, VOC_CLASSES, voc(args.root, names))


if __name__ == '__main__':
    main()
