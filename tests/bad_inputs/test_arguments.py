"""Every argument of every command has a case with a bad input."""

import importlib
import shlex

import pytest

from mmwsl.cli.main import COMMANDS
from mmwsl.utils.parser import Parser

from .cases import ALL

HARMLESS = {
    '--help': 'ends the command',
    '--debug': 'shows the traceback of any error',
}


class FoundError(Exception):
    """Ends a command that has made its parser."""


def arguments(command, monkeypatch):
    """Return the options of a command, and its positional arguments."""
    module, _ = COMMANDS[command]
    parsers = []

    def stop(parser, *args, **kwargs):
        parsers.append(parser)
        raise FoundError

    for name in ('parse_args', 'parse_known_args'):
        monkeypatch.setattr(Parser, name, stop)
    with pytest.raises(FoundError):
        importlib.import_module(module).main([])
    return parsers[0]._actions


@pytest.mark.parametrize('command', COMMANDS)
def test_every_argument_has_a_case(command, monkeypatch):
    lines = [shlex.split(case.command) for cases in ALL.values() for case in cases]
    words = {word.split('=')[0] for line in lines if line and line[0] == command for word in line}
    options = [action.option_strings for action in arguments(command, monkeypatch) if action.option_strings]
    missing = [names[-1] for names in options if not words & {*names} and names[-1] not in HARMLESS]
    assert not missing, f'without a case in tests/bad_inputs/cases: {missing}'
    assert words, 'no case at all'
