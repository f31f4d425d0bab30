"""COCO files of ground-truth instances, to evaluate or train an instance segmentation network with.

    python benchmarks/true_instances.py shapes OUT [--lengths 2000 300]
    python benchmarks/true_instances.py voc VOC2012 OUT [--lists train val]

``shapes`` renders synthetic images of touching objects into ``OUT/train/images`` (the scenes that
configs/instances/wsl_lse_shapes_touching.py trains on) and ``OUT/val/images``. ``voc`` reads the class and the object of
each pixel from the folders SegmentationClass and SegmentationObject of the devkit. Both write
``OUT/LIST/annotations.json``: every visible instance, however small; in VOC, pixels at the borders are in none.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from mmwsl.annotations import COCOInstanceWriter, read_mask, read_names
from mmwsl.datasets.classes import SHAPES_CLASSES, VOC_CLASSES, voc_colormap
from mmwsl.datasets.synthetic import draw_layout, render_image, render_instances, render_mask

Item = tuple[str, np.ndarray, np.ndarray]


def write_instances(folder: Path, classes: tuple[str, ...], items: Iterator[Item]) -> int:
    """Write a COCO file of file names, masks ``(H, W)`` and ids of instances ``(H, W)``; return the number of images."""
    count = 0
    with COCOInstanceWriter(folder, classes, voc_colormap(len(classes)), min_fraction=0) as writer:
        for count, (name, mask, instances) in enumerate(items, 1):
            writer.write(name, mask, instances=instances)
    return count


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
    args = parser.parse_args(argv)
    if args.dataset == 'shapes':
        for seed, (split, length) in enumerate(zip(('train', 'val'), args.lengths, strict=True)):
            count = write_instances(args.out / split, SHAPES_CLASSES, shapes(args.out / split, seed, length))
            print(f'{args.out / split}: {count} images')
    else:
        for split in args.lists:
            names = read_names(args.root / 'ImageSets' / 'Segmentation' / f'{split}.txt')
            count = write_instances(args.out / split, VOC_CLASSES, voc(args.root, names))
            print(f'{args.out / split}: {count} images')


if __name__ == '__main__':
    main()
