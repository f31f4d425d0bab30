"""Command ``tools/generate_pseudo_labels.py``."""

import argparse
from pathlib import Path

from mmwsl.annotations import MASK_FORMATS
from mmwsl.apis.arguments import (
    FRACTION,
    POSITIVE,
    add_check_data,
    add_checkpoint,
    add_overwrite,
    base_parser,
    parse,
    say_results,
)
from mmwsl.apis.config import load_config

from .generate import generate_pseudo_labels
from .store import MIN_SCORE


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = base_parser('Generate pseudo-labels of images: scores, masks and a report')
    add_checkpoint(parser)
    parser.add_argument('--out', metavar='DIR', required=True, help='output folder; an interrupted run is resumed')
    parser.add_argument(
        '--split', choices=['train', 'val', 'test'], default='train', help='dataset of the images (default %(default)s)'
    )
    parser.add_argument('--ann-file', metavar='LIST', help="list of the images; the split's list by default")
    parser.add_argument('--max-images', type=POSITIVE, metavar='N', help='use the first N images only')
    parser.add_argument(
        '--use-image-labels',
        action=argparse.BooleanOptionalAction,
        help='restrict predictions to the classes in the image-level labels (default for --split train)',
    )
    parser.add_argument('--tta', action='store_true', help='use test-time augmentation')
    parser.add_argument(
        '--fg-threshold',
        type=FRACTION,
        metavar='P',
        help='pixels with a foreground score above P are foreground, all others background; by default every pixel '
        'gets the argmax over all classes',
    )
    parser.add_argument(
        '--bg-threshold',
        type=FRACTION,
        metavar='P',
        help='only pixels with foreground scores up to P are background; pixels up to --fg-threshold are ignored (255)',
    )
    parser.add_argument('--tuned-on', metavar='TEXT', help='masks that the thresholds were tuned on, if any')
    parser.add_argument(
        '--min-score',
        type=FRACTION,
        default=MIN_SCORE,
        metavar='P',
        help='store a class if it reaches P in a pixel or is the argmax of one (default %(default)s)',
    )
    parser.add_argument(
        '--rethreshold', action='store_true', help='replace the masks of a finished folder, without the model'
    )
    parser.add_argument(
        '--gt-masks',
        nargs='?',
        const='',
        metavar='FOLDER',
        help='compare with the ground-truth masks in FOLDER, relative to `data_root` (default: those of the test set)',
    )
    parser.add_argument(
        '--format',
        choices=MASK_FORMATS,
        default='png',
        help='also write the masks in this format, into a folder of that name in --out',
    )
    add_overwrite(
        parser, 'replace pseudo-labels of other options in --out; with --rethreshold, masks that were changed by hand'
    )
    add_check_data(parser)
    args = vars(parse(parser, argv))
    del args['local_rank']
    args['replace_changed'] = args.pop('overwrite')
    args['overwrite'] = args['replace_changed'] and not args['rethreshold']
    args['check_data'] = args['check_data'] == 'on'
    cfg = load_config(args.pop('config'), args.pop('cfg_options'), args.pop('work_dir'), 'pseudo_labels')
    out, work_dir = args.pop('out'), cfg.work_dir
    generate_pseudo_labels(cfg, args.pop('checkpoint'), out, **args)
    say_results(
        {'Pseudo-labels': Path(out, 'masks'), 'Log': work_dir},
        'env',
        f'MMWSL_PSEUDO_LABELS={out}',
        'mmwsl',
        'train',
        'CONFIG',
    )
