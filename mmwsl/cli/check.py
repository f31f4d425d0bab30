"""``mmwsl check``: what is odd about images and labels, before anything is trained."""

import shlex

from mmwsl.apis.project.check import check_data
from mmwsl.apis.project.data_check import format_check
from mmwsl.utils.parser import Parser

from .arguments import add_data, label_options


def main(argv: list[str] | None = None) -> None:
    """Run the command: the findings on the standard output, and an error if the data cannot be used."""
    parser = Parser(description='Check images and their labels; writes nothing')
    add_data(parser)
    args = parser.parse_args(argv)
    check = check_data(args.images, args.labels, args.val, args.masks, **label_options(args))
    print(format_check(check))
    check.require_usable()
    given = dict(labels=args.labels, val=args.val, masks=args.masks) | label_options(args)
    flags = [
        word for name, value in given.items() if value is not None for word in (f'--{name.replace("_", "-")}', value)
    ]
    print(f'Next: {shlex.join(["mmwsl", "run", args.images, *flags, "--out", "PROJECT"])}')
