"""Dispatch of the command ``mmwsl``: each verb runs the function that a script of ``tools/`` runs."""

import argparse
import sys
from importlib import import_module

from mmwsl import __version__

# The module whose `main` is called, and a description.
COMMANDS = {
    'doctor': ('mmwsl.doctor.command', 'check packages, devices and weights, and say what to do'),
    'demo': ('mmwsl.apis.demo', 'train on synthetic shapes, evaluate, draw masks'),
    'train': ('mmwsl.apis.training', 'train a segmentor'),
    'test': ('mmwsl.apis.testing', 'evaluate a checkpoint, write or draw its masks'),
    'generate-pseudo-labels': ('mmwsl.apis.pseudo_labels.command', 'write masks to train another model on'),
    'compare': ('mmwsl.apis.comparison.command', 'evaluate finished runs side by side'),
    'tune-thresholds': ('mmwsl.apis.tuning', 'search the class thresholds on masks'),
    'fit-zoom-out': ('mmwsl.apis.zoom_out', 'train the SVMs of zoom-out features'),
    'print-config': ('mmwsl.apis.print_config', 'print a config with all that it inherits'),
}


def main(argv: list[str] | None = None) -> int | None:
    """Run one command, with the arguments that follow its name, and return its exit status."""
    width = max(map(len, COMMANDS))
    parser = argparse.ArgumentParser(
        prog='mmwsl',
        description='Weakly supervised semantic segmentation: image-level labels in, pixel masks out.',
        epilog='\n'.join(
            ['commands:', *(f'  {name:<{width}}  {text}' for name, (_, text) in COMMANDS.items())]
            + ['', '`mmwsl COMMAND --help` lists the arguments of a command.']
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage='mmwsl [-h] [--version] COMMAND ...',
    )
    parser.add_argument('--version', action='version', version=f'mmwsl {__version__}')
    parser.add_argument('command', choices=COMMANDS, metavar='COMMAND', help=argparse.SUPPRESS)
    arguments = sys.argv[1:] if argv is None else argv
    command = parser.parse_args(arguments[:1]).command
    sys.argv[0] = f'mmwsl {command}'  # the name that the command's own parser prints
    status: int | None = import_module(COMMANDS[command][0]).main(arguments[1:])
    return status
