"""Arguments that the commands for own images share."""

import argparse
from typing import Any


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add the images and their labels."""
    parser.add_argument('images', metavar='IMAGES', help='folder of images; subfolders are included')
    parser.add_argument(
        '--labels',
        metavar='FILE',
        required=True,
        help='image-level labels: a CSV, TSV, JSON or JSONL table, COCO, VOC XML, Label Studio, CVAT, or the folder of '
        'images itself if it has one subfolder per class',
    )
    parser.add_argument('--val', metavar='FILE', help='list of the validation images; by default a fifth of the images')
    parser.add_argument(
        '--masks', metavar='DIR', help='PNG masks of some images, whose pixels are class indices: those of validation '
        'images evaluate, those of training images are trained on'
    )  # fmt: skip
    parser.add_argument('--image-column', metavar='NAME', help='column of the image names, if it is not recognized')
    parser.add_argument('--label-column', metavar='NAME', help='column of the labels, if it is not recognized')
    parser.add_argument('--separator', metavar='TEXT', help='separator of several labels in a cell')


def label_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return the options of the reader of the labels."""
    options = dict(image_column=args.image_column, label_column=args.label_column, separator=args.separator)
    return {key: value for key, value in options.items() if value is not None}
