"""Rules of the package: what it requires, what it distributes, and which part imports which."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

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


def imports_of(folder):
    """Return what a package imports, as pairs of a file name and the full name of a module."""
    return {(file.name, name) for file in files(PACKAGE / folder) for name in imported_modules(file)}


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


def test_the_citation_names_this_version(repository):
    assert yaml.safe_load((repository / 'CITATION.cff').read_text())['version'] == mmwsl.__version__


def test_python_versions_are_the_same_everywhere(repository):
    setup = (repository / 'setup.py').read_text()
    versions = re.findall(r"'Programming Language :: Python :: (3\.\d+)'", setup)
    low, high = re.search(r"python_requires='>=3\.(\d+),<3\.(\d+)'", setup).groups()
    assert versions == [f'3.{minor}' for minor in range(int(low), int(high))]
    makefile = (repository / 'Makefile').read_text()
    assert f'$(filter $(VERSION),{" ".join(versions)})' in makefile
    assert makefile.count(f'Python {versions[0]} to {versions[-1]}') == 2
    workflow = yaml.safe_load((repository / '.github/workflows/test.yml').read_text())
    assert workflow['jobs']['test']['strategy']['matrix']['python'] == versions


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


# Which of our packages each package imports. A package that does not stand here fails a test: give it a row.
BASE = {'annotations', 'functional', 'registry', 'utils'}
IMPORTS = {
    'utils': set(),
    'annotations': {'utils'},
    'functional': set(),
    'compat': {'functional'},
    'inference': BASE,
    'datasets': BASE,
    'models': BASE | {'inference'},
    'evaluation': BASE | {'inference'},
    'engine': BASE | {'datasets', 'evaluation', 'inference', 'models', 'visualization'},
    'visualization': {'utils'},
    'report': {'annotations', 'functional', 'utils', 'visualization'},
    'apis': BASE | {'datasets', 'engine', 'evaluation', 'inference', 'models', 'report', 'visualization'},
    'doctor': {'utils'},  # it runs where `apis` cannot be imported
    'cli': {'apis', 'doctor', 'utils'},
}


def test_every_package_has_import_rules():
    folders = {path.name for path in PACKAGE.iterdir() if any(path.rglob('*.py'))}
    assert folders == set(IMPORTS)


@pytest.mark.parametrize('folder', IMPORTS)
def test_packages_import_only_the_packages_below_them(folder):
    allowed = [f'mmwsl.{name}' for name in {folder, *IMPORTS[folder]}]
    root = ('mmwsl', 'mmwsl.__version__')  # `from mmwsl import registry` imports `mmwsl` and `mmwsl.registry`
    ours = {(file, name) for file, name in imports_of(folder) if within(name, 'mmwsl') and name not in root}
    assert not {(file, name) for file, name in ours if not within(name, *allowed)}


def test_functional_imports_torch_and_numpy_only():
    allowed = ['torch', 'numpy', 'mmwsl', *sys.stdlib_module_names]
    others = {(file, name) for file, name in imports_of('functional') if not within(name, *allowed)}
    # They are imported where numba or Triton is installed.
    assert {file for file, _ in others} == {'compiled_crf.py', 'triton_crf.py', 'triton_neighbors.py'}
    for file, name in others:
        assert within(name, *(['triton'] if file.startswith('triton') else ['numba', 'llvmlite']))
    run = python('import sys, mmwsl.functional; print(*{"numba", "triton"} & set(sys.modules))')
    assert (run.returncode, run.stdout.strip()) == (0, ''), run.stdout + run.stderr


@pytest.mark.parametrize('folder', ['annotations', 'utils'])
def test_annotations_and_utils_import_no_torch(folder):
    assert not {(file, name) for file, name in imports_of(folder) if within(name, 'torch', 'mmcv', 'mmseg')}
    run = python(f'import sys, mmwsl.{folder}; print(*{{"torch", "mmcv", "mmseg"}} & set(sys.modules))')
    assert (run.returncode, run.stdout.strip()) == (0, ''), run.stdout + run.stderr


def test_tools_only_call_the_commands(repository):
    for file in files(repository / 'tools'):
        tree = list(ast.walk(ast.parse(file.read_text())))
        names = {node.module for node in tree if isinstance(node, ast.ImportFrom)}
        assert names and all(within(name, 'mmwsl.cli') for name in names), (file.name, names)
        assert not any(isinstance(node, ast.Import | ast.FunctionDef | ast.ClassDef) for node in tree), file.name


def test_a_folder_without_sources_fails_the_import_tests(tmp_path):
    with pytest.raises(AssertionError, match='nothing was checked'):
        files(tmp_path)


def test_a_build_holds_every_source_file_config_and_tool(repository, tmp_path):
    stale = tmp_path / 'build' / 'mmwsl' / 'deleted.py'
    stale.parent.mkdir(parents=True)
    stale.touch()
    build = ['setup.py', '--quiet', 'build_py', '--build-lib', str(tmp_path / 'build')]
    subprocess.run([sys.executable, *build], cwd=repository, capture_output=True, check=True)
    built = {path.relative_to(tmp_path / 'build').as_posix() for path in (tmp_path / 'build').rglob('*.*')}
    kinds = ('.py', '.sh', '.json', '.yml', '.md')
    beside = [
        *(repository / 'configs').rglob('*.*'),
        *(repository / 'tools').iterdir(),
        *repository.glob('model-*.yml'),
    ]
    copied = {f'mmwsl/.mim/{path.relative_to(repository).as_posix()}' for path in beside if path.suffix in kinds}
    sources = {path.relative_to(repository).as_posix() for path in files(PACKAGE)}
    data = [path for name in ('templates', 'static') for path in (PACKAGE / 'report' / name).iterdir()]
    package_data = {'mmwsl/py.typed', *(path.relative_to(repository).as_posix() for path in data)}
    assert len(data) >= 5 and built - {'mmwsl/.mim'} == sources | copied | package_data
    assert not (PACKAGE / '.mim').exists()


def test_registries_are_children_of_mmsegs():
    from mmwsl import registry

    nodes = [registry.DATASETS, registry.TRANSFORMS, registry.MODELS, registry.HOOKS, registry.METRICS]
    assert all(node.parent.scope == 'mmseg' and node.scope == 'mmwsl' for node in nodes)
