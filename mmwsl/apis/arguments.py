"""Command-line arguments that training and testing share, as every OpenMMLab project has them."""

import argparse
import os

from mmengine.config import DictAction


def base_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the arguments of every command that runs a config."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for logs, checkpoints and results; work_dirs/CONFIG by default')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='settings that replace those of the config, e.g. optim_wrapper.optimizer.lr=0.01. Lists: key="[a,b]" or '
        'key=a,b; nested ones: key="[(a,b),(c,d)]", quoted and without blanks',
    )
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='what started the processes'
    )
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='load checkpoints as they are, even where that runs code they carry',
    )
    # Launchers older than torchrun tell a process its rank by argument, in either spelling.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    return parser


def parse(parser: argparse.ArgumentParser, argv: list[str] | None = None) -> argparse.Namespace:
    """Parse a command line and pass the local rank on to mmengine, which reads it from the environment."""
    args = parser.parse_args(argv)
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args
