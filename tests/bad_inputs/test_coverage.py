"""Every argument of every command has a case that is about it."""

import importlib
import shlex

import pytest

from mmwsl.cli.main import COMMANDS
from mmwsl.utils.parser import Parser

from .cases import ALL

HARMLESS = {
    'help': 'ends the command before it does anything',
}
"""Arguments without a bad value or a bad combination, and why."""


class Stop(Exception):
    """Ends a command at its parser, or a parser at its error."""


def stop(value):
    raise Stop(value)


def parser_of(command, monkeypatch):
    """Return the parser that a command makes."""
    with monkeypatch.context() as patch:
        patch.setattr(Parser, 'parse_args', lambda parser, *_: stop(parser))
        with pytest.raises(Stop) as stopped:
            importlib.import_module(COMMANDS[command][0]).main([])
    return stopped.value.args[0]


def names_of(action):
    """Return the spellings of an argument in a message."""
    return action.option_strings or [action.metavar or action.dest, action.dest]


def about(case, parser):
    """Yield the arguments that a case is about: the parser rejects them, or the case names them or their value."""
    texts = [case.name, *case.says]
    try:
        given = parser.parse_args(shlex.split(case.command)[1:])
    except Stop as stopped:
        words = stopped.args[0].replace(':', ' ').replace('/', ' ').replace(',', ' ').split()
        yield from (action for action in parser._actions if set(words) & set(names_of(action)))
        return
    for action in parser._actions:
        value = getattr(given, action.dest, action.default)
        if value == action.default:
            continue
        values = value if isinstance(value, list) else [*value] if isinstance(value, dict) else [value]
        found = [*names_of(action)[:1], *(str(one) for one in values)]
        if any(one and one in text for one in found for text in texts):
            yield action


@pytest.mark.parametrize('command', COMMANDS)
def test_every_argument_has_a_case(command, monkeypatch):
    parser = parser_of(command, monkeypatch)
    monkeypatch.setattr(Parser, 'error', lambda parser, message: stop(message))
    cases = [case for group in ALL.values() for case in group if case.command.split(maxsplit=1)[:1] == [command]]
    covered = {action.dest for case in cases for action in about(case, parser)}
    hidden = {action.dest for action in parser._actions if action.help == '==SUPPRESS=='}
    missing = {action.dest for action in parser._actions} - covered - hidden - set(HARMLESS)
    assert not missing, f'{command}: {sorted(missing)}'


def test_the_scripts_of_tools_run_these_commands(repository):
    for path in (repository / 'tools').glob('*.py'):
        assert f"start('{path.stem.replace('_', '-')}')" in path.read_text() and path.stem.replace('_', '-') in COMMANDS
