"""Command ``tools/print_config.py``."""

from pathlib import Path

from mmwsl.apis.arguments import add_cfg_options, add_overwrite, say_results
from mmwsl.apis.config import SUFFIXES, get_config
from mmwsl.apis.config_check import merge_options
from mmwsl.utils.files import atomic_write, files_of_config
from mmwsl.utils.folder_lock import file_lock
from mmwsl.utils.output_path import check_output_file
from mmwsl.utils.parser import Parser


def main(argv: list[str] | None = None) -> None:
    """Run ``tools/print_config.py``."""
    parser = Parser(description='Print a config with all settings that it inherits')
    parser.add_argument('config', help='config file, or the name of one of the configs of mmwsl')
    parser.add_argument('--out', metavar='FILE', help='config file to write instead, complete and without bases')
    add_cfg_options(parser)
    add_overwrite(parser, 'replace the file of --out')
    args = parser.parse_args(argv)
    if args.out:
        if Path(args.out).suffix not in SUFFIXES:
            parser.error(f'--out must be a file {", ".join(SUFFIXES)}, got {args.out!r}.')
    cfg = get_config(args.config)
    if not args.out:
        merge_options(cfg, args.cfg_options)
        print(cfg.pretty_text)
        return
    with file_lock(args.out):
        check_output_file(args.out, '--out', args.overwrite, files_of_config(cfg.text))
        merge_options(cfg, args.cfg_options)
        # In a file of its own: MMSegmentation also prints to the standard output, when it is imported.
        with atomic_write(args.out) as file:
            file.write(cfg.pretty_text.encode())
    say_results({'Config': args.out}, 'mmwsl', 'train', args.out)
