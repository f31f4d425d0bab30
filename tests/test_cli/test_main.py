import ast
import sys

import pytest
from mmengine.config import Config

import mmwsl
from mmwsl.cli.main import COMMANDS, main

ONLY_COMMANDS = {'doctor'}  # without a script in tools/


@pytest.fixture(autouse=True)
def arguments(monkeypatch):
    """Restore what the command sets for the parser of its verb."""
    monkeypatch.setattr(sys, 'argv', ['mmwsl'])


def test_each_command_runs_what_its_script_runs(repository):
    scripts = {}
    for path in (repository / 'tools').glob('*.py'):
        (module,) = (node.module for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom))
        scripts[path.stem.replace('_', '-')] = module
    assert {name: module for name, (module, _) in COMMANDS.items() if name not in ONLY_COMMANDS} == scripts


@pytest.mark.parametrize('name', COMMANDS)
def test_every_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as end:
        main([name, '--help'])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith(f'usage: mmwsl {name} ')


def test_help_lists_the_commands(capsys):
    with pytest.raises(SystemExit) as end:
        main(['--help'])
    printed = capsys.readouterr().out
    assert end.value.code == 0 and all(f'  {name} ' in printed for name in COMMANDS)


@pytest.mark.parametrize('argv, message', [(['trian'], "invalid choice: 'trian'"), ([], 'required: COMMAND')])
def test_a_wrong_command_is_an_error_of_usage(argv, message, capsys):
    with pytest.raises(SystemExit) as end:
        main(argv)
    assert end.value.code == 2 and message in capsys.readouterr().err


def test_a_printed_config_is_the_config_with_its_options(tmp_path, capsys):
    main(['print-config', 'wsl_lse_shapes', '--cfg-options', 'randomness.seed=7'])
    (tmp_path / 'printed.py').write_text(capsys.readouterr().out)
    main(
        ['print-config', 'wsl_lse_shapes', '--out', str(tmp_path / 'written.py'), '--cfg-options', 'randomness.seed=7']
    )
    assert capsys.readouterr().out == ''
    expected = mmwsl.get_config('wsl_lse_shapes')
    expected.randomness.seed = 7
    for name in ('printed.py', 'written.py'):
        assert Config.fromfile(tmp_path / name).to_dict() == expected.to_dict()
