import pytest
import torch
from mmengine.model import MMDistributedDataParallel
from torch import distributed

from mmwsl import apis
from mmwsl.apis.launch import build_runner, leave_process_group
from tests.conftest import free_port


@pytest.fixture
def launched(monkeypatch):
    """The environment of the only process of a torchrun; leaves no process group behind."""
    port = free_port()
    names = dict(RANK=0, LOCAL_RANK=0, WORLD_SIZE=1, MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
    for name, value in names.items():
        monkeypatch.setenv(name, str(value))
    yield
    leave_process_group()
    assert not distributed.is_initialized()
    leave_process_group()  # again, as at exit


@pytest.mark.skipif(torch.cuda.is_available(), reason='with a GPU, mmengine launches this itself')
def test_without_a_gpu_several_processes_train_even_what_is_made_for_gpus(tiny_config, launched, tmp_path):
    cfg = apis.load_config(tiny_config(), {'model.backbone.norm_cfg.type': 'SyncBN'}, str(tmp_path / 'work'))
    runner = build_runner(cfg, 'pytorch')
    assert isinstance(runner.model, MMDistributedDataParallel) and distributed.get_backend() == 'gloo'
    names = {type(module).__name__ for module in runner.model.modules()}
    assert 'BatchNorm2d' in names and 'SyncBatchNorm' not in names
    runner.train()
    assert runner.iter == 4
