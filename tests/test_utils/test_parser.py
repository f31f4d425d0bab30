"""Errors of a command line."""

import pytest

from mmwsl.utils.parser import Parser


def test_an_error_is_one_line_that_names_the_argument(capsys):
    parser = Parser(prog='mmwsl test')
    parser.add_argument('--count', type=int)
    with pytest.raises(SystemExit) as end:
        parser.parse_args(['--count', 'many'])
    printed = capsys.readouterr()
    assert end.value.code == 2 and not printed.out
    assert printed.err == "mmwsl test: --count: invalid int value: 'many'. See mmwsl test --help.\n"


@pytest.mark.parametrize('arguments', [['a', '~/b'], ['a', '--out=~/b'], ['a', '--set', '~/b']])
def test_a_tilde_that_the_shell_did_not_expand_is_an_error(capsys, monkeypatch, arguments):
    monkeypatch.setenv('HOME', '/home/me')
    parser = Parser(prog='mmwsl predict')
    parser.add_argument('images', nargs='+')
    parser.add_argument('--out')
    parser.add_argument('--set', type=lambda text: dict(key=text))
    with pytest.raises(SystemExit, match='2'):
        parser.parse_args(arguments)
    assert "the shell did not expand ~ in '~/b'. Pass '/home/me/b'" in capsys.readouterr().err
    assert parser.parse_args(['a~', '--out', '~no_such_user/b'])


def test_help_prints_the_usage(capsys):
    with pytest.raises(SystemExit) as end:
        Parser(prog='mmwsl test').parse_args(['--help'])
    assert not end.value.code and 'usage: mmwsl test' in capsys.readouterr().out


@pytest.mark.parametrize(
    'arguments, name', [(['', '--out', 'x'], 'images'), (['a', '', '--out', 'x'], 'images'), (['a', '--out='], '--out')]
)
def test_an_empty_argument_is_an_error(capsys, arguments, name):
    parser = Parser(prog='mmwsl predict')
    parser.add_argument('images', nargs='+')
    parser.add_argument('--out')
    parser.add_argument('--masks', nargs='?', const='')
    with pytest.raises(SystemExit, match='2'):
        parser.parse_args(arguments)
    assert capsys.readouterr().err.startswith(f'mmwsl predict: {name}: must not be empty.')
    assert parser.parse_args(['a', '--masks']).masks == ''  # its meaning without a value
