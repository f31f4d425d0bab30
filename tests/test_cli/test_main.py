import ast
import os
import re
import signal
import subprocess
import sys

import pytest
from mmengine.config import Config
from PIL import Image

import mmwsl
from mmwsl.cli.main import COMMANDS, TOOLS, errors_as_lines, main
from tests.conftest import REPOSITORY


@pytest.fixture(autouse=True)
def arguments(monkeypatch):
    """Restore what the command sets for the parser of its verb."""
    monkeypatch.setattr(sys, 'argv', ['mmwsl'])


def test_each_script_runs_its_command(repository):
    for path in (repository / 'tools').glob('*.py'):
        (call,) = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
        assert (call.func.id, call.args[0].value) == ('start', path.stem.replace('_', '-'))
    assert {path.stem.replace('_', '-') for path in (repository / 'tools').glob('*.py')} == set(TOOLS)


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
    written = tmp_path / 'written.py'
    assert capsys.readouterr().out == f'Config: {written}\nNext: mmwsl train {written}\n'
    expected = mmwsl.get_config('wsl_lse_shapes')
    expected.randomness.seed = 7
    for name in ('printed.py', 'written.py'):
        assert Config.fromfile(tmp_path / name).to_dict() == expected.to_dict()


@pytest.fixture
def images(tmp_path, monkeypatch):
    """Six images with labels, in the current folder."""
    monkeypatch.chdir(tmp_path)
    rows = ['image,labels']
    for index in range(6):
        (tmp_path / 'images').mkdir(exist_ok=True)
        Image.new('RGB', (40 + index, 40), (40 * index, 0, 0)).save(tmp_path / f'images/{index}.png')
        rows.append(f'{index}.png,{"ab"[index % 2]}')
    (tmp_path / 'labels.csv').write_text('\n'.join(rows))
    (tmp_path / 'empty.csv').write_text('image,labels\n1.png,\n2.png,\n')
    (tmp_path / 'one.csv').write_text('image\n1.png\n')
    (tmp_path / 'odd.csv').write_text('foo,bar\n1.png,a\n')
    return tmp_path


@pytest.mark.parametrize(
    'argv, message',
    [
        (['images', '--labels', 'none.csv'], "--labels 'none.csv' does not exist"),
        (['images', '--labels', 'odd.csv'], 'Pass --image-column.'),
        (['images', '--labels', 'labels.csv', '--image-column', 'x'], 'or pass --image-column.'),
        (['images', '--labels', 'labels.csv', '--val', 'no.txt'], "--val 'no.txt' does not exist"),
        (['images', '--labels', 'labels.csv', '--masks', 'no'], "--masks 'no' does not exist"),
        (['images', '--labels', 'empty.csv'], 'must name classes, got background images only'),
        (['images', '--labels', 'one.csv'], 'Separate the columns by one of them.'),
        (['none', '--labels', 'labels.csv'], "images='none' must be a folder"),
    ],
)
def test_errors_name_flags(images, argv, message, capfd):
    with pytest.raises(SystemExit) as end:
        main(['check', *argv])
    printed = capfd.readouterr().err
    assert end.value.code == 2 and message in printed and len(printed.splitlines()) == 1
    assert not [word for word in ('`', 'data_root', 'ann_file', 'metainfo') if word in printed]


def test_a_list_of_validation_images_may_name_other_folders(images, capsys):
    (images / 'val.txt').write_text('/data/uploads/1\nold/2.png\n')
    main(['check', 'images', '--labels', 'labels.csv', '--val', 'val.txt'])
    assert ', 2 to validate' in capsys.readouterr().out


@pytest.mark.parametrize('command', ['--help', 'train --help', 'print-config wsl_lse_voc', 'doctor'])
@pytest.mark.parametrize('redirection', ['>&-', '| head -1', '> /dev/full'])
def test_outputs_that_cannot_be_written(repository, command, redirection):
    """Closed, as of a service; a pipe whose reader ends; a full disk. No traceback in any of them."""
    shell = f'set -o pipefail; {sys.executable} -m mmwsl {command} {redirection}'
    # Where nothing is buffered, argparse meets the error, and ignores it.
    environment = {**os.environ, 'PYTHONUNBUFFERED': '1' if '--help' in command else ''}
    done = subprocess.run(
        ['bash', '-c', shell], cwd=repository, env=environment, text=True, capture_output=True, timeout=120
    )
    assert 'Traceback' not in done.stderr and len(done.stderr.splitlines()) <= 1, done.stderr
    assert (done.returncode == 0) == (redirection == '>&-') or redirection == '| head -1'
    if redirection == '> /dev/full':
        assert "No space left on device: 'standard output'" in done.stderr


def test_the_command_starts_without_the_libraries():
    code = "import sys, mmwsl.cli.main; print({'mmengine', 'numpy', 'torch'} & {*sys.modules})"
    done = subprocess.run([sys.executable, '-c', code], cwd=REPOSITORY, text=True, capture_output=True, timeout=60)
    assert done.stdout == 'set()\n', done.stderr


def test_an_interruption_of_the_imports_is_one_line(tmp_path):
    (tmp_path / 'ctypes.py').write_text('raise KeyboardInterrupt')
    environment = {**os.environ, 'PYTHONPATH': f'{tmp_path}{os.pathsep}{REPOSITORY}'}
    for arguments in (['tools/train.py', 'wsl_lse_shapes'], ['-m', 'mmwsl', 'doctor']):
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=REPOSITORY, env=environment, text=True, capture_output=True, timeout=120)
        assert done.returncode == 1 and done.stderr.rstrip().endswith(': interrupted.'), done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr


@pytest.mark.parametrize('command', ['predict', 'generate-pseudo-labels', 'sam-masks', 'run'])
def test_an_interrupted_command_says_how_it_continues(command):
    """With --overwrite these begin anew, even what they have just written; `run` does not."""
    again = 'The same command continues.'
    for overwrite, advice in ((False, again), (True, again if command == 'run' else 'without --overwrite continues.')):
        with pytest.raises(SystemExit, match=re.escape(advice)), errors_as_lines(command, overwrite=overwrite):
            raise KeyboardInterrupt


@pytest.mark.parametrize('reaction', ['raise RuntimeError("cannot load module") from None', 'pass'])
def test_an_interruption_that_a_library_catches_is_still_one(tmp_path, reaction):
    code = f'import os, signal\ntry:\n    os.kill(os.getpid(), signal.SIGINT)\nexcept BaseException:\n    {reaction}\n'
    (tmp_path / 'matplotlib.py').write_text(code)
    environment = {**os.environ, 'PYTHONPATH': f'{tmp_path}{os.pathsep}{REPOSITORY}'}
    done = subprocess.run(
        [sys.executable, '-m', 'mmwsl', 'test', 'wsl_lse_shapes', 'none.pth'],
        env=environment,
        text=True,
        capture_output=True,
        timeout=120,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert done.returncode == 1 and done.stderr.splitlines()[-1] == 'mmwsl test: interrupted.', done.stderr


def test_characters_that_the_terminal_lacks_are_escaped(tmp_path):
    (tmp_path / 'own.py').write_text("classes = ('größe',)\n")
    command = [sys.executable, '-m', 'mmwsl', 'print-config', str(tmp_path / 'own.py')]
    done = subprocess.run(command, env={**os.environ, 'PYTHONIOENCODING': 'ascii'}, capture_output=True, timeout=120)
    assert not done.returncode and b'gr\\xf6\\xdfe' in done.stdout, done.stderr


def test_a_deleted_folder_is_one_line(tmp_path):
    folder = tmp_path / 'gone'
    folder.mkdir()
    shell = f'cd {folder}; rmdir {folder}; {sys.executable} -P -m mmwsl doctor'
    environment = {**os.environ, 'PYTHONPATH': str(REPOSITORY)}
    done = subprocess.run(['bash', '-c', shell], env=environment, text=True, capture_output=True, timeout=120)
    assert done.returncode == 2 and 'the current folder was deleted' in done.stderr.splitlines()[-1]
