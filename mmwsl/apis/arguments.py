"""Command-line arguments that training and testing share, as in every OpenMMLab project."""

import argparse
import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from mmengine.config import DictAction
from mmengine.dist import is_main_process

from mmwsl.apis.acceleration import PRECISIONS
from mmwsl.utils.parser import Parser
from mmwsl.utils.text import shorten

DICT = re.compile(r'^[\'"\s]*([\[(]?)[\'"\s\[(]*(\{|dict\()')
"""Text of a dict, or of a list that starts with one, which mmengine reads as a text."""


class OptionsAction(DictAction):
    """mmengine's ``KEY=VALUE`` pairs, with an error that names the pair that cannot be read."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Add the pairs to the options."""
        for pair in [values] if isinstance(values, str) else values or ():
            key, equals, text = pair.partition('=')
            if not equals or not all(key.split('.')):
                parser.error(f'{option_string} must be KEY=VALUE, got {pair!r}.')
            if match := DICT.search(text):
                name = f'{key}.0' if match[1] else key  # the dicts of a list have numbers
                parser.error(
                    f'{option_string} {key}: set each key of a dict, as in {name}.NAME=VALUE, or write the dict into '
                    f'the config, got {text!r}.'
                )
            try:
                super().__call__(parser, namespace, [pair], option_string)
            except (AssertionError, RecursionError):
                parser.error(
                    f'{option_string} {key}: a list must be written as [a,b] or a,b with closed brackets, got {text!r}.'
                )


def add_amp(parser: argparse.ArgumentParser) -> None:
    """Add the precision of the forward pass in training."""
    parser.add_argument(
        '--amp',
        nargs='?',
        const='auto',
        choices=PRECISIONS,
        metavar='PRECISION',
        help='mixed precision of the training: auto, off, bfloat16 or float16; by default auto, which is bfloat16 on a '
        'GPU that has it',
    )


def number(kind: type[int] | type[float], low: float, high: float = float('inf')) -> Callable[[str], Any]:
    """Return a ``type`` of argparse: a number in ``[low, high]``."""
    rule = f'at least {low}' if high == float('inf') else f'in [{low}, {high}]'
    rule = rule if kind is float else f'an integer {"of " if high == float("inf") else ""}{rule}'

    def read(text: str) -> int | float:
        try:
            value = kind(text)
        except ValueError:
            value = kind(low) - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f'must be {rule}, got {text!r}.')
        return value

    return read


def device(text: str) -> str:
    """Return a device that torch has; a ``type`` of argparse."""
    try:
        check_device(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix('`device` ')) from error
    return text


def check_device(name: object) -> None:
    """Check that torch has a device.

    Raises:
        ValueError: If it has not, or the device is neither a text nor a device of torch.
    """
    if not isinstance(name, str | torch.device):
        raise ValueError(f"`device` must be a device of torch, such as 'cpu', got {shorten(name)}.")
    try:
        torch.empty(0, device=name).cpu()  # `meta` has no values to copy
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f'`device` must be a device of torch, got {str(name)!r}: {str(error).splitlines()[0].partition(". ")[0]}'
        ) from error


POSITIVE, COUNT, FRACTION = number(int, 1), number(int, 0), number(float, 0, 1)
"""Types of arguments: an integer of at least 1, one of at least 0, and a number in [0, 1]."""


def base_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the arguments that all commands share."""
    parser = Parser(description=description)
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
        action=OptionsAction,
        metavar='KEY=VALUE',
        help='settings that override the config, e.g. optim_wrapper.optimizer.lr=0.01. Lists: key="[a,b]" or '
        'key=a,b; nested ones: key="[(a,b),(c,d)]", quoted and without blanks',
    )


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """Add the checkpoint, which a model that is not trained does not have."""
    parser.add_argument(
        'checkpoint', nargs='?', help='checkpoint file or URL; none for a model that is not trained, as of configs/clip'
    )


def add_overwrite(parser: Any, help: str = 'replace results of an earlier run in the output') -> None:
    """Add the argument ``--overwrite`` to a parser or a group of it."""
    parser.add_argument('--overwrite', action='store_true', help=help)


def add_check_data(parser: argparse.ArgumentParser) -> None:
    """Add the argument ``--check-data``."""
    parser.add_argument(
        '--check-data',
        choices=['on', 'off'],
        default='on',
        help='read images and masks before the start, and reject those that cannot be used (default %(default)s)',
    )


def say_results(wrote: Mapping[str, object], *following: str) -> None:
    """Print where a command wrote its results, and the command that usually comes next; in the main process only.

    Args:
        wrote: Files and folders by what they are; None is left out.
        *following: Words of the command, which are quoted where a shell needs it; capital words stand for arguments.
    """
    if is_main_process():
        for name, path in wrote.items():
            if path is not None:
                print(f'{name}: {path}')
        if following:
            print(f'Next: {shlex.join(following)}')
