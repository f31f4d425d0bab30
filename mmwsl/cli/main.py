"""Dispatch of the command ``mmwsl``."""

import argparse
import io
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from importlib import import_module
from typing import NoReturn

from mmwsl import __version__
from mmwsl.cli.environment import check_environment
from mmwsl.cli.interruption import was_interrupted
from mmwsl.utils.console import quiet, tell
from mmwsl.utils.errors import DEBUG, FAILURE, INPUT, OUTPUT, exit_code, library_message, user_message
from mmwsl.utils.parser import Parser

# The module whose `main` is called, and a description.
OWN_IMAGES = {
    'doctor': ('mmwsl.doctor.command', 'what is installed, and what to do about what is missing'),
    'check': ('mmwsl.cli.check', 'check your images and their labels'),
    'run': ('mmwsl.cli.run', 'your images and labels to masks and a trained segmentor'),
    'predict': ('mmwsl.apis.predict', 'masks of new images, in the format of the next tool'),
    'label': ('mmwsl.cli.label', 'pseudo-labels of a project, with new thresholds or by CLIP'),
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
    'coco-masks': ('mmwsl.apis.coco_masks', 'masks of the instances of a COCO file'),
    'sam-masks': ('mmwsl.apis.sam_masks', 'masks of everything in images, by SAM'),
    'print-config': ('mmwsl.apis.print_config', 'print a config with all that it inherits'),
}
COMMANDS = OWN_IMAGES | TOOLS
CONTINUED = dict.fromkeys(
    ('run', 'predict', 'generate-pseudo-labels', 'compare', 'sam-masks'), 'The same command continues.'
)
CONTINUED |= dict(label='The same command starts again.', train='Continue with --resume.')
"""What to do about an interrupted command."""
OVERWRITING = ('predict', 'generate-pseudo-labels', 'sam-masks')
"""Commands that begin anew with --overwrite, even what they have just written."""
LINES, WIDTH = 3, 1000
OFF = ('', '0', 'false', 'no', 'off')
"""Values of the environment variable for tracebacks that show none."""


def main(argv: list[str] | None = None) -> None:
    """Run one command, with the arguments that follow its name; see :func:`run_command`."""
    parser = Parser(
        prog='mmwsl',
        description='Weakly supervised semantic segmentation: image-level labels in, pixel masks out.',
        epilog='\n'.join(
            [
                *('your own images:', *_listed(OWN_IMAGES), '', 'configs, as the scripts of tools/:', *_listed(TOOLS)),
                *('', '`mmwsl COMMAND --help` lists the arguments of a command.'),
                'With `--debug` an error shows its traceback.',
            ]
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage='mmwsl [-h] [--version] COMMAND ...',
    )
    parser.add_argument('--version', action='version', version=f'mmwsl {__version__}')
    parser.add_argument('command', choices=COMMANDS, metavar='COMMAND', help=argparse.SUPPRESS)
    arguments = sys.argv[1:] if argv is None else argv
    _prepare_streams()
    with errors_as_lines():
        command = parser.parse_args(arguments[:1]).command
    sys.argv[0] = f'mmwsl {command}'  # the name that the command's own parser prints
    run_command(command, arguments[1:])


def run_command(command: str, argv: list[str] | None = None) -> None:
    """Run one command by its name, as a script of ``tools/`` or as a verb of ``mmwsl``.

    An error that a user can cause is one message on the standard error: exit code 2 if the input must be corrected, 1
    if the command failed. ``--debug``, or the environment variable ``MMWSL_DEBUG``, shows its traceback, as that of a
    bug. The libraries' warnings are not shown, unless Python is asked for them (``-W default``); they are no errors.

    Args:
        command: A key of ``COMMANDS``.
        argv: Its arguments, those of the process if None.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    _prepare_streams()
    if '--show' not in argv:
        os.environ['MPLBACKEND'] = 'agg'  # nothing else needs a screen, or a backend that is not installed
    logging.raiseExceptions = False  # a log that cannot be written has no traceback on the terminal
    debug = '--debug' in argv or os.environ.get(DEBUG, '').lower() not in OFF
    argv = [argument for argument in argv if argument != '--debug']
    with warnings.catch_warnings():
        if all(option.startswith(('error', 'ignore')) for option in sys.warnoptions):
            warnings.filterwarnings('ignore')
            warnings.filterwarnings('default', category=UserWarning, module='mmwsl')
            warnings.showwarning = _show_warning
        try:
            os.getcwd()
        except FileNotFoundError:
            print(f'{_name()}: the current folder was deleted. Change to another folder.', file=sys.stderr)
            sys.exit(INPUT)
        code = None
        with errors_as_lines(command, debug, '--overwrite' in argv):
            check_environment()
            with quiet(os.devnull):  # the libraries print while they are imported
                module = import_module(COMMANDS[command][0])
            if was_interrupted():  # a library has caught it
                raise KeyboardInterrupt
            if 'torch' in sys.modules:  # else the command computes nothing
                import_module('mmwsl.apis.cpu').prepare_cpu()
            code = module.main(argv)
            sys.stdout.flush()  # here, where an error is one line
    if code:
        sys.exit(code)


@contextmanager
def errors_as_lines(command: str = '', debug: bool = False, overwrite: bool = False) -> Iterator[None]:
    """End the process with one message if an error within the block is one that a user can cause.

    Args:
        command: The command; empty before it is known.
        debug: Whether to show the traceback.
        overwrite: Whether the command replaces what is in its output folder.
    """
    try:
        yield
    except KeyboardInterrupt:
        _end_interrupted(command, overwrite)
    except Exception as error:
        if was_interrupted():
            _end_interrupted(command, overwrite)
        message = user_message(error)
        code = exit_code(error)
        if getattr(error, 'filename', None) == OUTPUT:
            _drop_output()
            if isinstance(error, BrokenPipeError):  # as of `| head`
                sys.exit(FAILURE)
        if message is None and command in TOOLS and (message := library_message(error)):
            code = FAILURE
        if message is None:
            print(f'{_name()}: unexpected error. Please report it with the lines below.', file=sys.stderr)
        if message is None or debug:
            raise
        print(f'{_name()}: {_short(with_flags(message) if command in OWN_IMAGES else message)}', file=sys.stderr)
        with redirect_stderr(None):  # a half-made loader of torch shows a traceback when it is deleted, here
            traceback.clear_frames(error.__traceback__)
        sys.exit(code)


def _end_interrupted(command: str, overwrite: bool) -> NoReturn:
    advice = CONTINUED.get(command, '')
    if overwrite and command in OVERWRITING:
        advice = 'The same command without --overwrite continues.'
    sys.exit(f'{_name()}: interrupted. {advice}'.strip())


def _name() -> str:
    """Return the name of the command, as the usage of its parser prints it."""
    name = os.path.basename(sys.argv[0])
    return sys.argv[0] if sys.argv[0].startswith('mmwsl ') else name.replace('__main__.py', 'mmwsl')


def _drop_output() -> None:
    """Drop what the standard output did not take: the interpreter writes it again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _prepare_streams() -> None:
    """Replace standard streams that are closed, and write characters that they cannot encode as escapes."""
    for name in ('stdout', 'stderr'):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, 'w'))
        elif isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            stream.reconfigure(errors='backslashreplace')


def _short(message: str) -> str:
    """Return at most three lines of a message, each of at most 1000 characters."""
    lines = [line if len(line) <= WIDTH else f'{line[:WIDTH]} ...' for line in message.strip().splitlines()]
    return '\n'.join(lines[:LINES]) + (' (--debug shows all)' if len(lines) > LINES else '')


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning as one line, without the line of the code."""
    tell(f'{_name()}: {message}')


def with_flags(message: str) -> str:
    """Write the arguments that an error of a function names as the flags of a command."""
    message = message.replace('`decode_head.prompts`', '--prompts')
    flags = {name: f'--{name.replace("_", "-")}' for name in ('image_column', 'label_column', 'separator', 'backbone')}
    for name, flag in {**flags, 'weights': '--checkpoint'}.items():
        for before, after in ((f'Set `{name}`', f'Pass {flag}'), (f'set `{name}`', f'pass {flag}')):
            message = message.replace(before, after)
        message = message.replace(f'`{name}`', flag)
    return message


def _listed(commands: dict[str, tuple[str, str]]) -> list[str]:
    width = max(map(len, COMMANDS))
    return [f'  {name:<{width}}  {text}' for name, (_, text) in commands.items()]
