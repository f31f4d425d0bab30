import pytest
from mmengine.config import Config

import mmwsl
from mmwsl.apis import load_config
from mmwsl.apis.config import config_folder, find_config, get_config


def test_options_and_work_dir_override_those_of_the_config(tiny_config):
    path = tiny_config()
    assert load_config(path).work_dir == 'work_dirs/tiny'
    assert load_config(path, {'work_dir': 'mine'}).work_dir == 'mine'
    assert load_config(path, task='test').work_dir == 'work_dirs/tiny/test'
    assert load_config(path, work_dir='given', task='test').work_dir == 'given'
    cfg = load_config(path, {'train_cfg.max_iters': 7, 'work_dir': 'mine'}, 'given')
    assert (cfg.train_cfg.max_iters, cfg.train_cfg.type, cfg.work_dir) == (7, 'IterBasedTrainLoop', 'given')


@pytest.mark.parametrize('asked', ['configs/wsl_lse_vco.py', 'wsl_lse_vco.py', 'nowhere/wsl_lse_vco.py'])
def test_a_missing_config_names_similar_ones(tmp_path, monkeypatch, asked):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'configs').mkdir()
    for name in ('wsl_lse_voc.py', 'fsl_fcn_coco.py'):
        (tmp_path / 'configs' / name).touch()
    with pytest.raises(FileNotFoundError, match=rf"config='{asked}' does not exist.*configs/wsl_lse_voc\.py"):
        load_config(asked)


def test_a_missing_config_without_similar_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match='Pass the path of a .py config file'):
        load_config('x.py')


@pytest.mark.parametrize('kind', ['checkpoint', 'folder'])
@pytest.mark.parametrize('exists', [True, False])
def test_a_checkpoint_or_folder_in_place_of_a_config(tmp_path, monkeypatch, kind, exists):
    monkeypatch.chdir(tmp_path)
    if kind == 'folder':
        (tmp_path / 'work').mkdir()
    elif exists:
        (tmp_path / 'a.pth').touch()
    path = 'work' if kind == 'folder' else 'a.pth'
    with pytest.raises(ValueError, match=f"got the {kind} '{path}'. Pass CONFIG first, then CHECKPOINT"):
        load_config(path)
    (tmp_path / 'wsl_lse_voc').mkdir()  # a config of this name is meant
    assert find_config('wsl_lse_voc').name == 'wsl_lse_voc.py'


@pytest.mark.parametrize('name', ['wsl_lse_voc', 'wsl_lse_voc.py', 'configs/wsl_lse_voc.py'])
def test_configs_of_the_package_are_found_by_name_in_any_folder(repository, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert config_folder() == repository / 'configs'
    assert find_config(name) == repository / 'configs' / 'wsl_lse_voc.py'
    assert mmwsl.get_config(name).pretty_text == Config.fromfile(repository / 'configs/wsl_lse_voc.py').pretty_text
    assert load_config(name).work_dir == 'work_dirs/wsl_lse_voc'


def test_every_config_has_a_name_of_its_own_and_is_found_with_and_without_its_folder(repository):
    paths = [path for path in (repository / 'configs').rglob('*.py') if '_base_' not in path.parts]
    assert len(paths) > 50
    for path in paths:
        within = path.relative_to(repository / 'configs').with_suffix('')
        assert find_config(path.stem) == find_config(within) == find_config(str(path)) == path


def test_a_file_of_the_working_folder_precedes_a_config_of_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'wsl_lse_voc.py').write_text('mine = True')
    assert mmwsl.get_config('wsl_lse_voc.py').mine


@pytest.mark.parametrize('asked', ['wsl_lse_vco', 'nowhere/wsl_lse_voc.py', '_base_/default_runtime.py', ''])
def test_an_unknown_name_is_one_line(tmp_path, monkeypatch, asked):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=rf"^config='{asked}' does not exist\. [^\n]+$") as error:
        mmwsl.get_config(asked)
    if 'wsl' in asked:
        assert 'Similar names: wsl_lse_voc, ' in str(error.value)


@pytest.mark.parametrize(
    'name, text, message',
    [
        ('own.py', 'model = dict(', 'SyntaxError'),
        ('own.py', '\nmodel = nothing', r"NameError: name 'nothing' is not defined, line 2 of .*own\.py"),
        ('own.py', "_base_ = ['own.py']", 'it inherits from itself'),
        ('own.json', '{"model": ', 'JSONDecodeError'),
        ('own.txt', 'model = 1', r'config must be a file \.py, '),
    ],
)
def test_a_config_that_cannot_be_read_is_named(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        mmwsl.get_config(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)


def test_a_missing_base_is_a_missing_file(tmp_path):
    (tmp_path / 'own.py').write_text("_base_ = ['none.py']")
    with pytest.raises(FileNotFoundError, match='none.py'):
        mmwsl.get_config(tmp_path / 'own.py')


def test_a_project_reads_the_configs_of_the_running_version(tmp_path, monkeypatch):
    """Those that it was made with may be gone, or of another version."""
    monkeypatch.setenv('MMWSL_CONFIGS', '')
    monkeypatch.delenv('MMWSL_CONFIGS')  # it is set while the config is read; afterwards it is unset again
    config = tmp_path / 'segmentor.py'
    config.write_text("_base_ = ['{{$MMWSL_CONFIGS:/gone/configs}}/shapes/wsl_lse_shapes.py']\n")
    assert get_config(config).model == get_config('wsl_lse_shapes').model
