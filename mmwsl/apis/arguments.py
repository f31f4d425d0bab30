"""Command-line arguments that training and testing share, as in every OpenMMLab project."""

import argparse
import os

from mmengine.config import DictAction


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
