"""The wheel, installed outside the checkout: what a user has who never sees the repository."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

SOURCES = ('mmwsl', 'configs', 'tools', 'setup.py', 'pyproject.toml', 'MANIFEST.in', 'README.md', 'LICENSE')


def pip(*arguments):
    """Run pip of the tests' interpreter, without a network."""
    command = [sys.executable, '-m', 'pip', '--disable-pip-version-check', *map(str, arguments)]
    run = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def environment(**variables):
    """Return this process's environment without what leads to the checkout."""
    inherited = {name: value for name, value in os.environ.items() if name not in ('PYTHONPATH', 'LOCAL_RANK')}
    return inherited | {'OMP_NUM_THREADS': '1'} | variables


def tree(folder):
    """List the files of a folder, except those that an interpreter or a build writes for itself."""
    own = ('build', '__pycache__', 'mmwsl.egg-info')
    paths = (path.relative_to(folder) for path in folder.rglob('*') if path.is_file())
    return {str(path) for path in paths if not set(own) & set(path.parts)}


@pytest.fixture(scope='module')
def sources(repository, tmp_path_factory):
    """A copy of the files of which the package is built: the checkout of the tests stays as it is."""
    folder = tmp_path_factory.mktemp('sources')
    for source in [repository / name for name in SOURCES] + list(repository.glob('model-index.yml')):
        if source.is_dir():
            shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns('__pycache__'))
        else:
            shutil.copy(source, folder)
    return folder


@pytest.fixture(scope='module')
def wheel(sources, tmp_path_factory):
    """The wheel."""
    before = tree(sources)
    out = tmp_path_factory.mktemp('wheel')
    pip('wheel', '--quiet', '--no-deps', '--no-index', '--no-build-isolation', '--wheel-dir', out, sources)
    assert tree(sources) == before, 'the build left files in the checkout'
    (path,) = out.glob('*.whl')
    return path


@pytest.fixture(scope='module')
def run(wheel, tmp_path_factory):
    """A function that runs a program of a new environment with the wheel, in an empty folder."""
    root = tmp_path_factory.mktemp('installed')
    venv.create(root / 'venv', with_pip=False)
    pip('--python', root / 'venv', 'install', '--quiet', '--no-deps', '--no-index', wheel)
    # The dependencies are those of the tests. A .pth file is followed in the environment's own folder only: an editable
    # installation of mmwsl is not. From Python 3.12 on, setuptools brings distutils, which mmengine imports, by one.
    inside = sysconfig.get_paths(vars={'base': str(root / 'venv'), 'platbase': str(root / 'venv')})['purelib']
    outside = sysconfig.get_paths()['purelib']
    Path(inside, 'dependencies.pth').write_text(outside)
    shutil.copy(Path(outside, 'distutils-precedence.pth'), inside)
    (root / 'empty').mkdir()

    def start(program, *arguments):
        command = [str(root / 'venv' / 'bin' / program), *map(str, arguments)]
        done = subprocess.run(command, cwd=root / 'empty', env=environment(), capture_output=True, text=True)
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
        return done.stdout

    return start


def test_the_source_distribution_builds_the_same_wheel(sources, wheel, tmp_path):
    build = ['setup.py', '--quiet', 'sdist', '--dist-dir', str(tmp_path)]
    subprocess.run([sys.executable, *build], cwd=sources, env=environment(), capture_output=True, check=True)
    (archive,) = tmp_path.glob('*.tar.gz')
    pip('wheel', '--quiet', '--no-deps', '--no-index', '--no-build-isolation', '--wheel-dir', tmp_path, archive)
    (again,) = tmp_path.glob('*.whl')
    names, expected = (sorted(zipfile.ZipFile(path).namelist()) for path in (again, wheel))
    assert names == expected and 'mmwsl/.mim/configs/wsl_lse_voc.py' in names


def test_the_installed_package_is_imported_and_reads_its_own_configs(run):
    code = 'import mmwsl; print(mmwsl.__file__, mmwsl.get_config("wsl_lse_voc").filename, sep="\\n")'
    module, config = run('python', '-c', code).splitlines()[-2:]
    package = Path(module).parent
    assert package.parent.name == 'site-packages' and 'installed' in module
    assert config == str(package / '.mim' / 'configs' / 'wsl_lse_voc.py')


def test_the_command_and_the_scripts_work_outside_the_checkout(run, tmp_path):
    assert 'print-config' in run('mmwsl', '--help') == run('python', '-m', 'mmwsl', '--help')
    run('mmwsl', 'print-config', 'wsl_lse_voc', '--out', tmp_path / 'mine.py')
    assert "type='mmwsl.LSEPooling'" in (tmp_path / 'mine.py').read_text()
    script = 'import mmwsl, pathlib; print(pathlib.Path(mmwsl.__file__).parent / ".mim/tools/print_config.py")'
    assert "type='mmwsl.LSEPooling'" in run('python', run('python', '-c', script).strip(), tmp_path / 'mine.py')


def test_the_demo_runs_from_the_wheel(run, tmp_path):
    length = [f'{name}_dataloader.dataset.length=8' for name in ('train', 'val', 'test')]
    printed = run(
        'mmwsl',
        'demo',
        '--work-dir',
        tmp_path,
        '--cfg-options',
        *length,
        'train_cfg.max_epochs=1',
        'param_scheduler=None',
        'train_dataloader.num_workers=0',
        'train_dataloader.persistent_workers=False',
    )
    assert 'held-out images' in printed
    assert (tmp_path / 'image_grid.png').is_file() and (tmp_path / 'train' / 'epoch_1.pth').is_file()
