import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from torch import nn

from mmwsl.engine.runner import WeakSegRunner
from mmwsl.utils.errors import user_message
from tests.test_utils.test_files import small_files


def make_runner(cfg, folder):
    return WeakSegRunner(nn.Linear(1, 1), str(folder), cfg=cfg, experiment_name=str(folder), default_scope='mmseg')


@pytest.mark.parametrize('base, replaced', [('../wsl.py', False), ('../other.py', True)])
def test_the_config_of_a_run_replaces_no_base_of_it(tmp_path, base, replaced):
    """A complete file, as a dump is, in the work folder: what the config inherits from stays."""
    (tmp_path / 'sub').mkdir()
    for name in ('wsl.py', 'other.py'):
        (tmp_path / name).write_text('x = 1\n')
    (tmp_path / 'sub/wsl.py').write_text(f"_base_ = '{base}'\n")
    cfg = Config.fromfile(tmp_path / 'sub/wsl.py')
    make_runner(cfg, tmp_path)._dump_config()
    assert ((tmp_path / 'wsl.py').read_text() != 'x = 1\n') == replaced
    assert (tmp_path / 'sub/wsl.py').read_text().startswith('_base_')


def test_a_full_disk_leaves_the_config_of_the_run_before(tmp_path):
    work = tmp_path / 'work'
    (tmp_path / 'wsl.py').write_text('x = 2\n')
    runner = make_runner(Config.fromfile(tmp_path / 'wsl.py'), work)
    (work / 'wsl.py').write_text('x = 1\n')
    with pytest.raises(OSError, match='File too large') as error, small_files(2):
        runner._dump_config()
    assert str(work / 'wsl.py') in user_message(error.value)
    assert (work / 'wsl.py').read_text() == 'x = 1\n'
    assert not list(work.glob('*.part'))
    runner._dump_config()
    assert Config.fromfile(work / 'wsl.py').x == 2


def test_algorithms_of_convolutions_are_tried_in_training_and_not_in_evaluation(tiny_config, tmp_path):
    seen = {}

    class Observer(Hook):
        """Records the setting."""

        def before_train_iter(self, *args, **kwargs):
            seen['train'] = torch.backends.cudnn.benchmark

        def before_val_iter(self, *args, **kwargs):
            seen['val'] = torch.backends.cudnn.benchmark

        def before_test_iter(self, *args, **kwargs):
            seen['test'] = torch.backends.cudnn.benchmark

    before = torch.backends.cudnn.benchmark
    try:
        cfg = Config.fromfile(tiny_config(env_cfg=dict(cudnn_benchmark=True)))
        cfg.work_dir = str(tmp_path / 'work')
        runner = WeakSegRunner.from_cfg(cfg)
        runner.register_hook(Observer())
        runner.train()
        assert seen == dict(train=True, val=False)
        seen.clear()
        runner.val()
        runner.test()
        assert seen == dict(val=False, test=False) and torch.backends.cudnn.benchmark
    finally:
        torch.backends.cudnn.benchmark = before
