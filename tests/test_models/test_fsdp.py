"""Two processes that share the weights of a network train it as one process does, on CPUs."""

import copy

import pytest
import torch
from mmengine.model import MMFullyShardedDataParallel
from mmengine.optim import OptimWrapper
from torch import distributed, multiprocessing
from torch.distributed.fsdp import FullyShardedDataParallel, StateDictType

from tests.conftest import free_port
from tests.test_models.test_aggregation_head import _batch, _model

POLICY = dict(type='torch.distributed.fsdp.wrap.size_based_auto_wrap_policy', min_num_params=100)
STEPS = 2


def train(model, batch):
    """Train for two steps and return the losses."""
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9))
    return [model.train_step(copy.deepcopy(batch), optimizer)['loss'].item() for _ in range(STEPS)]


def process(rank, port, folder):
    """Train a half of the batch with sharded weights; the first process writes the weights of all."""
    distributed.init_process_group('gloo', f'tcp://127.0.0.1:{port}', rank=rank, world_size=2)
    torch.manual_seed(0)
    batch = _batch(*[(32, 32)] * 4)
    half = {name: values[2 * rank : 2 * rank + 2] for name, values in batch.items()}
    model = MMFullyShardedDataParallel(
        _model(), device_id=torch.device('cpu'), use_orig_params=True, auto_wrap_policy=dict(POLICY)
    )
    sharded = sum(isinstance(module, FullyShardedDataParallel) for module in model.modules())
    losses = train(model, half)
    with FullyShardedDataParallel.state_dict_type(model, StateDictType.FULL_STATE_DICT):
        state = model.state_dict()
    torch.save(dict(losses=losses, state=state, sharded=sharded), folder / f'{rank}.pth')
    distributed.destroy_process_group()


@pytest.mark.skipif(not hasattr(distributed, 'device_mesh'), reason='FSDP on CPUs needs torch 2.2')
def test_sharded_weights_are_trained_as_whole_ones(tmp_path):
    multiprocessing.spawn(process, (free_port(), tmp_path), nprocs=2)
    torch.manual_seed(0)
    batch = _batch(*[(32, 32)] * 4)
    model = _model()
    expected = train(model, batch)
    parts = [torch.load(tmp_path / f'{rank}.pth', weights_only=True) for rank in range(2)]
    assert parts[0]['sharded'] > 2
    means = [sum(pair) / 2 for pair in zip(parts[0]['losses'], parts[1]['losses'], strict=True)]
    assert means == pytest.approx(expected, rel=1e-4, abs=1e-5)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(parts[0]['state'][name], value, rtol=1e-4, atol=1e-5)
