"""``mmwsl run``: images and image-level labels to masks and a trained segmentor."""

from mmwsl.apis.arguments import add_amp, add_check_data, number
from mmwsl.apis.project.options import PRESETS, Options
from mmwsl.apis.project.run import run_project
from mmwsl.utils.parser import Parser

from .arguments import add_data, label_options


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = Parser(description='Train a segmentor on images with image-level labels; resumes')
    add_data(parser)
    parser.add_argument('--out', metavar='PROJECT', required=True, help='project folder')
    parser.add_argument(
        '--backbone',
        default='efficientnet_lite0',
        metavar='NAME',
        help='efficientnet_lite0, efficientnet_lite2, mobilenet_v2, resnet50, or a file of weights of one of these '
        '(default %(default)s)',
    )
    parser.add_argument('--no-pretrained', action='store_true', help='start from random weights: needs many images')
    parser.add_argument(
        '--preset',
        choices=tuple(PRESETS),
        default='fast',
        help='fast: one round of pseudo-labels; best: a second round too, labeled by the segmentor of the first. Fast '
        'keeps what best made (default %(default)s)',
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument('--time', type=float, metavar='MINUTES', help='time for all stages')
    length.add_argument('--epochs', type=number(float, 0, 1e6), metavar='N', help='epochs of each training')
    parser.add_argument('--seed', type=number(int, 0, 2**32 - 1), default=0, help='random seed (default %(default)s)')
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace results of other arguments in PROJECT, and masks that were changed by hand',
    )
    add_amp(parser)
    add_check_data(parser)
    args = parser.parse_args(argv)
    for name in ('time', 'epochs'):
        if (value := getattr(args, name)) is not None and not 0 < value < float('inf'):
            parser.error(f'--{name} must be a positive finite number, got {value:g}.')
    options = Options(
        masks=args.masks,
        val=args.val,
        backbone=args.backbone,
        pretrained=not args.no_pretrained,
        minutes=args.time,
        epochs=args.epochs,
        overwrite=args.overwrite,
        seed=args.seed,
        label_options=label_options(args),
        check_data=args.check_data == 'on',
        amp=args.amp,
        preset=args.preset,
    )
    run_project(args.images, args.labels, args.out, options)
