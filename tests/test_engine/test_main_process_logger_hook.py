"""Only one of two processes writes the JSON file of a test."""

import json

from mmengine.config import Config
from mmengine.runner import Runner
from torch import distributed, multiprocessing

from tests.conftest import free_port


def _evaluate(rank, port, path):
    distributed.init_process_group('gloo', f'tcp://127.0.0.1:{port}', rank=rank, world_size=2)
    cfg = Config.fromfile(path)
    cfg.work_dir += str(rank)  # one per process, to see which process wrote
    Runner.from_cfg(cfg).test()
    distributed.destroy_process_group()


def test_only_the_main_process_writes_the_metrics(tiny_config, tmp_path):
    config = tiny_config(
        work_dir=str(tmp_path / 'process_'),
        default_hooks=dict(logger=dict(type='mmwsl.MainProcessLoggerHook')),
        custom_imports=dict(imports=['mmwsl.registry']),
    )
    port = free_port()
    context = multiprocessing.get_context('spawn')
    workers = [context.Process(target=_evaluate, args=(rank, port, config), daemon=True) for rank in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(300)
        assert worker.exitcode == 0
    written = [list((tmp_path / f'process_{rank}').glob('*/*.json')) for rank in range(2)]
    assert [len(files) for files in written] == [1, 0]
    assert json.loads(written[0][0].read_text())['mIoU'] > 0
