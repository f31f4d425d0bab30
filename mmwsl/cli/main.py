"""Dispatch of the command ``mmwsl``."""

import argparse
import os
import sys
from importlib import import_module
from pickle import UnpicklingError

from mmwsl import __version__
from mmwsl.utils.console import quiet

# The module whose `main` is called, and a description.
OWN_IMAGES = {
    'doctor': ('mmwsl.doctor.command', 'what is installed, and what to do about what is missing'),
    'check': ('mmwsl.cli.check', 'check your images and their labels'),
    'run': ('mmwsl.cli.run', 'your images and labels to masks and a trained segmentor'),
    'predict': ('mmwsl.apis.predict', 'masks of new images, in the format of the next tool'),
    'label': ('mmwsl.cli.label', 'pseudo-labels of a project, with new thresholds'),
    'report': ('mmwsl.cli.report', 'make or refresh the report of a project'),
    'export': ('mmwsl.apis.export', 'ONNX file of a trained network'),
}
# Each runs the function that a script of tools/ runs.
TOOLS = {
    'demo': ('mmwsl.apis.demo', 'train on synthetic shapes, evaluate, draw masks'),
    'train': ('mmwsl.apis.training', 'train a segmentor'),
    'test': ('mmwsl.apis.testing', 'evaluate a checkpoint, write or draw its masks'),
    'generate-pseudo-labels': ('mmwsl.apis.pseudo_labels.command', 'write masks to train another model on'),
    'compare': ('mmwsl.apis.comparison.command', 'evaluate finished runs side by side'),
    'tune-thresholds': ('mmwsl.apis.tuning', 'search the class thresholds on masks'),
    'fit-zoom-out': ('mmwsl.apis.zoom_out', 'train the SVMs of zoom-out features'),
    'print-config': ('mmwsl.apis.print_config', 'print a config with all that it inherits'),
}
COMMANDS = OWN_IMAGES | TOOLS


def main(argv: list[str] | None = None) -> None:
    """Run one command, with the arguments that follow its name.

    Errors of the commands for own images are one line: the traceback is in the log of the project.
    """
    parser = argparse.ArgumentParser(
        prog='mmwsl',
        description='Weakly supervised semantic segmentation: image-level labels in, pixel masks out.',
        epilog='\n'.join(
            [
                *('your own images:', *_listed(OWN_IMAGES), '', 'configs, as the scripts of tools/:', *_listed(TOOLS)),
                *('', '`mmwsl COMMAND --help` lists the arguments of a command.'),
            ]
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage='mmwsl [-h] [--version] COMMAND ...',
    )
    parser.add_argument('--version', action='version', version=f'mmwsl {__version__}')
    parser.add_argument('command', choices=COMMANDS, metavar='COMMAND', help=argparse.SUPPRESS)
    arguments = sys.argv[1:] if argv is None else argv
    command = parser.parse_args(arguments[:1]).command
    sys.argv[0] = f'mmwsl {command}'  # the name that the command's own parser prints
    with quiet(os.devnull):  # the libraries print while they are imported
        try:
            module, missing = import_module(COMMANDS[command][0]), None
        except ImportError as error:
            missing = error
    if missing:
        sys.exit(f'{sys.argv[0]}: {missing}')
    try:
        code = module.main(arguments[1:])
    except (ValueError, OSError, UnpicklingError) as error:
        if command in TOOLS:
            raise
        code = f'{sys.argv[0]}: {with_flags(str(error))}'
    except KeyboardInterrupt:
        if command in TOOLS:
            raise
        code = f'{sys.argv[0]}: interrupted. The same command continues.'
    if code:
        sys.exit(code)


def with_flags(message: str) -> str:
    """Write the arguments that an error of a function names as the flags of a command."""
    for name in ('image_column', 'label_column', 'separator', 'backbone'):
        flag = f'--{name.replace("_", "-")}'
        for before, after in ((f'Set `{name}`', f'Pass {flag}'), (f'set `{name}`', f'pass {flag}')):
            message = message.replace(before, after)
        message = message.replace(f'`{name}`', flag)
    return message


def _listed(commands: dict[str, tuple[str, str]]) -> list[str]:
    width = max(map(len, COMMANDS))
    return [f'  {name:<{width}}  {text}' for name, (_, text) in commands.items()]
