import pytest
from mmengine.config import Config
from torch import nn

from mmwsl.engine.runner import WeakSegRunner


@pytest.mark.parametrize('base, replaced', [('../wsl.py', False), ('../other.py', True)])
def test_the_config_of_a_run_replaces_no_base_of_it(tmp_path, base, replaced):
    """A complete file, as a dump is, in the work folder: what the config inherits from stays."""
    (tmp_path / 'sub').mkdir()
    for name in ('wsl.py', 'other.py'):
        (tmp_path / name).write_text('x = 1\n')
    (tmp_path / 'sub/wsl.py').write_text(f"_base_ = '{base}'\n")
    cfg = Config.fromfile(tmp_path / 'sub/wsl.py')
    runner = WeakSegRunner(
        nn.Linear(1, 1), str(tmp_path), cfg=cfg, experiment_name=str(tmp_path), default_scope='mmseg'
    )
    runner._dump_config()
    assert ((tmp_path / 'wsl.py').read_text() != 'x = 1\n') == replaced
    assert (tmp_path / 'sub/wsl.py').read_text().startswith('_base_')
