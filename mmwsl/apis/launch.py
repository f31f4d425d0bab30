"""From a config to a runner, on one process or several, with or without GPUs."""

import atexit
import logging

import torch
from mmengine.config import Config
from mmengine.dist import init_dist
from mmengine.logging import print_log
from mmengine.registry import RUNNERS
from mmengine.runner import Runner
from torch import distributed

from mmwsl.utils.nested import dicts_in


def build_runner(cfg: Config, launcher: str = 'none') -> Runner:
    """Build the runner that a config describes.

    Args:
        cfg (Config): The config, changed in place.
        launcher (str): Who started the processes: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.
            Defaults to ``'none'``.

    Returns:
        Runner: The runner, of the class that ``runner_type`` names, where the config has one.
    """
    cfg.launcher = launcher
    join_processes(cfg, launcher)
    return RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)


def join_processes(cfg: Config, launcher: str) -> None:
    """Make a group of the processes that a launcher started, for a runner and for what comes before it.

    Args:
        cfg (Config): The config, changed in place.
        launcher (str): Who started the processes.
    """
    if launcher == 'pytorch' and not torch.cuda.is_available():
        prepare_for_cpu(cfg)
    elif launcher != 'none' and not distributed.is_initialized():
        init_dist(launcher, **cfg.get('env_cfg', {}).get('dist_cfg', {'backend': 'nccl'}))


def prepare_for_cpu(cfg: Config) -> None:
    """Make a run of several processes possible without GPUs.

    mmengine would select a GPU for each process, and wrap the model for one. It leaves a process group alone that
    already exists, and takes the arguments of the wrapper from the config.

    Args:
        cfg (Config): The config, changed in place.
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
    synchronized = [norm for norm in dicts_in(cfg.model) if norm.get('type') == 'SyncBN']
    for norm in synchronized:
        norm['type'] = 'BN'
    if synchronized:
        print_log('SyncBN exists on GPUs only: every process normalizes its own batch.', 'current', logging.WARNING)


def leave_process_group() -> None:
    """Leave the process group, if there is one.

    At exit: gloo's threads must have ended before the interpreter does, or the process aborts after its work is done.
    """
    if distributed.is_initialized():
        distributed.destroy_process_group()
