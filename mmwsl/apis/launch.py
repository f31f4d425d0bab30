"""Runners of one or several processes, with or without GPUs."""

import atexit
import gc
import logging

import torch
from mmengine.config import Config
from mmengine.dist import init_dist
from mmengine.logging import print_log
from mmengine.registry import MODELS, RUNNERS
from mmengine.runner import Runner
from torch import distributed, nn

from mmwsl.apis.registered import is_subclass
from mmwsl.engine.runner import WeakSegRunner
from mmwsl.utils.nested import dicts_in


def build_runner(cfg: Config, launcher: str = 'none') -> Runner:
    """Build the runner of a config.

    Args:
        cfg: The config, changed in place.
        launcher: Launcher of the processes: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.

    Returns:
        The runner, of the class ``runner_type`` if the config has one.
    """
    cfg.launcher = launcher
    join_processes(cfg, launcher)
    return RUNNERS.build(cfg) if 'runner_type' in cfg else WeakSegRunner.from_cfg(cfg)


def join_processes(cfg: Config, launcher: str) -> None:
    """Create the process group of a launcher, for the runner and for code before it.

    Args:
        cfg: The config, changed in place.
        launcher: Launcher of the processes.
    """
    if launcher == 'pytorch' and not torch.cuda.is_available():
        prepare_for_cpu(cfg)
    elif launcher != 'none' and not distributed.is_initialized():
        init_dist(launcher, **cfg.get('env_cfg', {}).get('dist_cfg', {'backend': 'nccl'}))


def prepare_for_cpu(cfg: Config) -> None:
    """Prepare a run of several processes without GPUs.

    mmengine would select a GPU for each process, and wrap the model for it. It respects an existing process group, and
    takes the arguments of the wrapper from the config.

    Args:
        cfg: The config, changed in place.
    """
    if not distributed.is_initialized():
        distributed.init_process_group('gloo')
        atexit.register(leave_process_group)
    wrapper = cfg.get('model_wrapper_cfg') or dict(
        type='MMDistributedDataParallel',
        broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False),
    )
    cfg.model_wrapper_cfg = dict(wrapper, device_ids=None)
    synchronized = [norm for norm in dicts_in(cfg.model) if is_subclass(norm, MODELS, nn.SyncBatchNorm)]
    for norm in synchronized:
        norm['type'] = 'BN'
    if synchronized:
        print_log('SyncBN needs GPUs: every process normalizes its own batch.', 'current', logging.WARNING)


def leave_process_group() -> None:
    """Destroy the process group, if there is one.

    Called at exit: the process aborts if gloo's threads outlive the interpreter. A distributed model that is only
    reachable through cycles of the runner would keep the group alive, so it is collected first.
    """
    if distributed.is_initialized():
        gc.collect()
        distributed.destroy_process_group()
