"""Dispatch of the command ``mmwsl``."""

import argparse
import sys
from importlib import import_module

from mmwsl import __version__

# The module whose `main` is called, and a description.
COMMANDS = {
    'doctor': ('mmwsl.apis.doctor', 'what is installed, and what to do about what is missing'),
    'check': ('mmwsl.cli.check', 'check your images and their labels'),
    'run': ('mmwsl.cli.run', 'your images and labels to masks and a trained segmentor'),
    'predict': ('mmwsl.apis.predict', 'masks of new images, in the format of the next tool'),
    'label': ('mmwsl.cli.label', 'pseudo-labels of a project, with new thresholds'),
    'report': ('mmwsl.cli.report', 'make or refresh the report of a project'),
    'export': ('mmwsl.apis.export', 'ONNX file of a trained network'),
    'demo': ('mmwsl.apis.demo', 'train on synthetic shapes, evaluate, draw masks'),
    'train': ('mmwsl.apis.training', 'train a segmentor'),
    'test': ('mmwsl.apis.testing', 'evaluate a checkpoint, write or draw its masks'),
    'generate-pseudo-labels': ('mmwsl.apis.pseudo_labels.command', 'write masks to train another model on'),
    'compare': ('mmwsl.apis.comparison.command', 'evaluate finished runs side by side'),
    'tune-thresholds': ('mmwsl.apis.tuning', 'search the class thresholds on masks'),
    'fit-zoom-out': ('mmwsl.apis.zoom_out', 'train the SVMs of zoom-out features'),
    'print-config': ('mmwsl.apis.print_config', 'print a config with all that it inherits'),
}


def main(argv: list[str] | None = None) -> None:
    """Run one command, with the arguments that follow its name."""
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
    sys.exit(import_module(COMMANDS[command][0]).main(arguments[1:]))
