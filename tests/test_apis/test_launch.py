import pytest
import torch
from mmengine.config import Config
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import MODELS
from torch import distributed

from mmwsl import apis
from mmwsl.apis.launch import build_runner, check_gpus, join_processes, leave_process_group, prepare_for_cpu
from tests.conftest import free_port


@pytest.fixture
def launched(monkeypatch):
    """Set the environment of a torchrun with one process, and check that no process group remains."""
    port = free_port()
    names = dict(RANK=0, LOCAL_RANK=0, WORLD_SIZE=1, MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
    for name, value in names.items():
        monkeypatch.setenv(name, str(value))
    yield
    leave_process_group()
    assert not distributed.is_initialized()
    leave_process_group()  # again, as at exit


@pytest.mark.skipif(torch.cuda.is_available(), reason='with a GPU, mmengine launches this itself')
def test_without_a_gpu_several_processes_train_a_config_for_gpus(tiny_config, launched, tmp_path):
    cfg = apis.load_config(tiny_config(), {'model.backbone.norm_cfg.type': 'SyncBN'}, str(tmp_path / 'work'))
    runner = build_runner(cfg, 'pytorch')
    assert isinstance(runner.model, MMDistributedDataParallel) and distributed.get_backend() == 'gloo'
    names = {type(module).__name__ for module in runner.model.modules()}
    assert 'BatchNorm2d' in names and 'SyncBatchNorm' not in names
    runner.train()
    assert runner.iter == 4


def test_subclasses_of_sync_bn_are_replaced(launched):
    @MODELS.register_module('UsersSyncBN', force=True)
    class UsersSyncBN(torch.nn.SyncBatchNorm):
        """Synchronized batch normalization of a user's own package."""

    cfg = Config(dict(model=dict(type='EncoderDecoder', backbone=dict(norm_cfg=dict(type='UsersSyncBN')))))
    prepare_for_cpu(cfg)
    assert cfg.model.backbone.norm_cfg.type == 'BN'


def test_more_processes_than_gpus_are_one_line(monkeypatch):
    gpus = torch.cuda.device_count()
    monkeypatch.setenv('LOCAL_WORLD_SIZE', str(gpus + 1))
    with pytest.raises(ValueError, match=f'^{gpus + 1} processes on this machine need a GPU each, got {gpus}'):
        check_gpus('nccl')
    check_gpus('gloo')
    monkeypatch.setenv('LOCAL_WORLD_SIZE', str(gpus))
    check_gpus('nccl')


@pytest.mark.parametrize(
    ('launcher', 'given', 'missing'),
    [
        ('pytorch', {}, 'RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT'),
        ('pytorch', dict(RANK='0', WORLD_SIZE='1', MASTER_ADDR='127.0.0.1'), 'MASTER_PORT'),
        ('slurm', {}, 'SLURM_PROCID, SLURM_NTASKS, SLURM_NODELIST'),
        ('mpi', {}, 'MASTER_ADDR, OMPI_COMM_WORLD_LOCAL_RANK, OMPI_COMM_WORLD_SIZE, OMPI_COMM_WORLD_RANK'),
    ],
)
def test_a_launcher_without_its_variables_is_one_line(monkeypatch, launcher, given, missing):
    for name in ('RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT', 'SLURM_PROCID'):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=rf'^--launcher {launcher} needs .*, got no {missing}\. Start .*remove'):
        join_processes(Config(), launcher)
    assert not distributed.is_initialized()
    join_processes(Config(), 'none')
