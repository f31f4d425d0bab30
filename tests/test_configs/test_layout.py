"""Where configs lie and what describes them: folders, chains of bases, metafiles and README files."""

import re

import pytest
import yaml

from .shorten import CONFIGS, FOLDER, bases_of

METHODS = sorted(path for path in FOLDER.iterdir() if path.is_dir() and path.name != '_base_')
INDEX = FOLDER.parent / 'model-index.yml'


def _chain(path):
    """Return the length of the longest chain of configs, a config itself included and parts in ``_base_`` not."""
    return 1 + max((_chain(base) for base in bases_of(path) if '_base_' not in base.parts), default=0)


def _metafiles():
    return [FOLDER.parent / name for name in yaml.safe_load(INDEX.read_text())['Import']]


def _models(metafile):
    return yaml.safe_load(metafile.read_text())['Models']


def test_one_config_lies_at_the_top_and_each_method_has_its_folder():
    assert [path.name for path in FOLDER.glob('*.py')] == ['wsl_lse_voc.py']
    for folder in METHODS:
        assert {path.name for path in folder.iterdir()} >= {'README.md', 'metafile.yml'}, folder
        assert list(folder.glob('*.py')), folder


def test_a_config_inherits_from_two_others_at_most():
    assert {name: _chain(path) for name, path in CONFIGS.items() if _chain(path) > 3} == {}


@pytest.mark.parametrize('name', CONFIGS)
def test_a_file_that_another_command_makes_names_the_command(name):
    """A file in ``work_dirs`` is not part of the project."""
    text = CONFIGS[name].read_text()
    for made in re.findall(r"work_dirs/(\w+)/[\w/]+\.pth'", text):
        commands = re.findall(r'python tools/(?:train|fit_zoom_out)\.py (configs/[\w/]+\.py)', text)
        assert made in [command.rpartition('/')[2][:-3] for command in commands], made
        assert all((FOLDER.parent / command).is_file() for command in commands)


def test_each_config_is_in_one_metafile():
    assert sorted(_metafiles()) == sorted(folder / 'metafile.yml' for folder in METHODS)
    found = [model['Config'] for metafile in _metafiles() for model in _models(metafile)]
    assert sorted(found) == sorted(str(path.relative_to(FOLDER.parent)) for path in CONFIGS.values())


@pytest.mark.parametrize('folder', METHODS, ids=lambda folder: folder.name)
def test_a_metafile_describes_what_exists(folder):
    content = yaml.safe_load((folder / 'metafile.yml').read_text())
    (collection,) = content['Collections']
    assert (FOLDER.parent / collection['README']).is_file()
    assert collection['Paper']['URL'].startswith('https://') if 'Paper' in collection else True
    readme = (folder / 'README.md').read_text()
    for model in content['Models']:
        assert model['In Collection'] == collection['Name']
        assert model['Name'] == model['Config'].rpartition('/')[2][:-3]
        assert model['Name'] in readme, 'a config without a line in the README'
        for result in model.get('Results', ()):
            assert result['Task'] in ('Semantic Segmentation', 'Instance Segmentation') and result['Dataset']
            for value in result['Metrics'].values():
                assert re.search(rf'(?<![\d.]){value:.1f}(?!\d)', readme), (model['Name'], value)


@pytest.mark.parametrize('folder', METHODS, ids=lambda folder: folder.name)
def test_the_commands_and_links_of_a_readme_lead_somewhere(folder):
    text = (folder / 'README.md').read_text()
    root = FOLDER.parent
    for path in re.findall(r'(?:configs|tools|benchmarks|docs)/[\w/-]+\.(?:py|sh|md)', text):
        assert (root / path).is_file(), path
    links = [link for link in re.findall(r'\]\(([^)#\s]+)[^)]*\)', text) if '://' not in link]
    for link in links:
        assert (folder / link).exists(), link
    assert re.search(r'!\[[^\]]+\]\(', text), 'a figure with a description'


def test_the_index_loads_with_the_library_of_mim():
    load = pytest.importorskip('modelindex.load_model_index', reason='pip install model-index')
    index = load.load(str(INDEX))
    index.build_models_with_collections()
    assert len(index.models) == len(CONFIGS)
