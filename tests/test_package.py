import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mmwsl

PACKAGE = Path(mmwsl.__file__).parent


def python(code, path=None):
    """Run code in a fresh interpreter that finds ``path`` before the installed packages."""
    env = {'PYTHONPATH': f'{path or ""}:{PACKAGE.parent}', 'PATH': ''}
    return subprocess.run([sys.executable, '-c', code], env=env, capture_output=True, text=True)


def imported_modules(file):
    """Return the full names of all modules that a source file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = '.'.join(file.relative_to(PACKAGE.parent).parts[: -node.level]) if node.level else ''
            base = '.'.join(filter(None, [start, node.module]))
            names |= {base} | {f'{base}.{alias.name}' for alias in node.names}
    return names


def within(module, *packages):
    """Tell whether a module is one of the packages or lies in one."""
    return any(module == package or module.startswith(f'{package}.') for package in packages)


def files(folder):
    """Return the source files of a folder, and fail where it has none."""
    found = sorted(Path(folder).rglob('*.py'))
    assert found, f'{folder} has no source files: nothing was checked'
    return found


def test_import_is_light():
    code = 'import sys, mmwsl; print(*{"torch", "numpy", "mmengine", "mmcv", "mmseg"} & set(sys.modules))'
    run = python(code)
    assert (run.returncode, run.stdout.strip()) == (0, ''), run.stdout + run.stderr


def test_version_is_the_same_everywhere(repository):
    run = subprocess.run(
        [sys.executable, 'setup.py', '--version'], cwd=repository, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip().splitlines()[-1] == mmwsl.__version__
    assert re.fullmatch(r'\d+\.\d+\.\d+', mmwsl.__version__)


def test_hard_requirements_name_no_openmmlab_distribution(repository):
    call = next(
        node
        for node in ast.walk(ast.parse((repository / 'setup.py').read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, 'id', '') == 'setup'
    )
    arguments = {keyword.arg: keyword.value for keyword in call.keywords}
    hard, extras = (ast.literal_eval(arguments[name]) for name in ('install_requires', 'extras_require'))
    assert not [name for name in hard if 'mm' in name or 'opencv' in name]
    assert len([name for name in extras['mm'] if name.startswith('onedl-mm')]) == 3


@pytest.mark.parametrize('module', ['mmwsl.registry', 'mmwsl.apis'])
@pytest.mark.parametrize(
    'version, message',
    [
        (None, 'could not be imported'),
        ('1.1.2', 'mmseg 1.1.2 is installed'),
    ],
)
def test_missing_or_old_mmseg_is_named_with_the_command(tmp_path, version, message, module):
    (tmp_path / 'mmseg').mkdir()
    source = "raise ImportError('No module')" if version is None else f"__version__ = '{version}'"
    (tmp_path / 'mmseg' / '__init__.py').write_text(source)
    (tmp_path / 'mmseg' / 'registry.py').touch()
    run = python(f'import {module}', tmp_path)
    assert run.returncode == 1
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith('ImportError') and message in last and 'pip install "mmwsl[mm]"' in last, last


@pytest.mark.parametrize(
    'folder, forbidden',
    [
        ('datasets', ['mmwsl.models', 'mmwsl.inference', 'mmwsl.apis']),
        ('models', ['mmwsl.datasets', 'mmwsl.apis']),
        ('inference', ['mmwsl.datasets', 'mmwsl.models', 'mmwsl.engine', 'mmwsl.evaluation', 'mmwsl.apis']),
        ('engine', ['mmwsl.apis']),
        ('evaluation', ['mmwsl.datasets', 'mmwsl.models', 'mmwsl.apis']),
    ],
)
def test_import_arrows(folder, forbidden):
    broken = {
        (file.name, name)
        for file in files(PACKAGE / folder)
        for name in imported_modules(file)
        if within(name, *forbidden)
    }
    assert not broken


def test_functional_stands_on_torch_and_numpy():
    allowed = ['torch', 'numpy', 'mmwsl.functional', *sys.stdlib_module_names]
    broken = {
        (file.name, name)
        for file in files(PACKAGE / 'functional')
        for name in imported_modules(file)
        if name != 'mmwsl' and not within(name, *allowed)
    }
    assert not broken


def test_tools_only_call_the_apis(repository):
    for file in files(repository / 'tools'):
        names = imported_modules_of_script(file)
        assert names and all(within(name, 'mmwsl.apis', 'mmengine') for name in names), (file.name, names)
        functions = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)]
        assert not functions, f'{file.name} implements something'


def imported_modules_of_script(file):
    """Return the modules that a script imports: ``from a import b`` counts as ``a``."""
    tree = ast.walk(ast.parse(file.read_text()))
    return {node.module for node in tree if isinstance(node, ast.ImportFrom)}


def test_registries_are_children_of_mmsegs():
    from mmwsl import registry

    nodes = [registry.DATASETS, registry.TRANSFORMS, registry.MODELS, registry.HOOKS, registry.METRICS]
    assert all(node.parent.scope == 'mmseg' and node.scope == 'mmwsl' for node in nodes)
