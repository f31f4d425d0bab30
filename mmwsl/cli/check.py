"""``mmwsl check``: what is odd about images and labels, before anything is trained."""

from mmwsl.apis.project.check import check_data
from mmwsl.apis.project.data_check import format_check
from mmwsl.utils.errors import INPUT
from mmwsl.utils.parser import Parser

from .arguments import add_data, label_options


def main(argv: list[str] | None = None) -> int:
    """Run the command; 2 if the data cannot be used."""
    parser = Parser(description='Check images and their labels; writes nothing')
    add_data(parser)
    args = parser.parse_args(argv)
    check = check_data(args.images, args.labels, args.val, args.masks, **label_options(args))
    print(format_check(check))
    return INPUT if check.errors else 0
