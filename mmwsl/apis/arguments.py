"""Command-line arguments that training and testing share, as in every OpenMMLab project."""

import argparse
import os
from collections.abc import Mapping

from mmengine.config import DictAction
from mmengine.dist import is_main_process


def base_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the arguments that all commands share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('config', help='config file, or the name of one of the configs of mmwsl')
    parser.add_argument('--work-dir', help='folder for logs, checkpoints and results; work_dirs/CONFIG by default')
    add_cfg_options(parser)
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='launcher of the processes'
    )
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='load checkpoints that could execute code',
    )
    # Launchers older than torchrun pass the rank as an argument, in either spelling.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    return parser


def parse(parser: argparse.ArgumentParser, argv: list[str] | None = None) -> argparse.Namespace:
    """Parse a command line, and set the local rank in the environment, where mmengine reads it."""
    args = parser.parse_args(argv)
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add the argument ``--cfg-options``."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='settings that override the config, e.g. optim_wrapper.optimizer.lr=0.01. Lists: key="[a,b]" or '
        'key=a,b; nested ones: key="[(a,b),(c,d)]", quoted and without blanks',
    )


def say_results(wrote: Mapping[str, object], next_command: str = '') -> None:
    """Print where a command wrote its results, and the command that usually comes next; in the main process only.

    Args:
        wrote: Files and folders by what they are; None is left out.
        next_command: The command.
    """
    if is_main_process():
        for name, path in wrote.items():
            if path is not None:
                print(f'{name}: {path}')
        if next_command:
            print(f'Next: {next_command}')
