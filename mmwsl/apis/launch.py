"""Runners of one or several processes, with or without GPUs."""

import atexit
import gc
import os
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from mmengine import dist
from mmengine.config import Config
from mmengine.dist import init_dist
from mmengine.registry import MODELS, RUNNERS
from mmengine.runner import Runner
from torch import distributed, nn

from mmwsl.apis.acceleration import prepare_inputs
from mmwsl.apis.checkpoint_fit import CheckpointFitHook
from mmwsl.apis.config_parts import check_loops, check_workers
from mmwsl.apis.registered import is_subclass
from mmwsl.apis.training_free import PromptClassesHook
from mmwsl.apis.work_folder import check_folders
from mmwsl.engine.channels_last_runner import ChannelsLastRunner
from mmwsl.engine.hooks import FiniteScoresHook
from mmwsl.engine.runner import WeakSegRunner
from mmwsl.utils.console import log_warning
from mmwsl.utils.nested import dicts_in

Result = TypeVar('Result')

LAUNCHERS = dict(
    pytorch=(
        ('RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT'),
        'torchrun, as tools/dist_train.sh does',
    ),
    slurm=(('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_NODELIST'), 'srun'),
    mpi=(('MASTER_ADDR', 'OMPI_COMM_WORLD_LOCAL_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_RANK'), 'mpirun'),
)
"""Environment variables that a launcher sets, and how to start it."""


def build_runner(
    cfg: Config, launcher: str = 'none', allow_mismatch: bool = False, channels_last: bool = False
) -> Runner:
    """Build the runner of a config.

    Args:
        cfg: The config, changed in place.
        launcher: Launcher of the processes: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.
        allow_mismatch: See :class:`.checkpoint_fit.CheckpointFitHook`.
        channels_last: Whether the model is wrapped channels last, unless the config has a ``runner_type``.

    Returns:
        The runner, of the class ``runner_type`` if the config has one.

    Raises:
        OutputError: If a folder that the config writes into is among its inputs, or cannot be written.
    """
    check_loops(cfg)
    check_workers(cfg)
    check_folders(cfg)
    prepare_inputs(cfg)
    cfg.launcher = launcher
    join_processes(cfg, launcher)
    own = ChannelsLastRunner if channels_last else WeakSegRunner
    runner: Runner = RUNNERS.build(cfg) if 'runner_type' in cfg else own.from_cfg(cfg)
    for hook in (CheckpointFitHook(allow_mismatch), FiniteScoresHook(), PromptClassesHook()):
        runner.register_hook(hook)
    return runner


def join_processes(cfg: Config, launcher: str) -> None:
    """Create the process group of a launcher, for the runner and for code before it.

    Args:
        cfg: The config, changed in place.
        launcher: Launcher of the processes.

    Raises:
        ValueError: If the launcher has not started this process, or there are more processes than GPUs.
    """
    if not distributed.is_initialized():
        check_launcher(launcher)
    if launcher == 'pytorch' and not torch.cuda.is_available():
        prepare_for_cpu(cfg)
    elif launcher != 'none' and not distributed.is_initialized():
        settings = cfg.get('env_cfg', {}).get('dist_cfg', {'backend': 'nccl'})
        check_gpus(settings.get('backend', 'nccl'))
        init_dist(launcher, **settings)


def check_gpus(backend: str) -> None:
    """Check that there is a GPU for each process that torchrun starts on this machine.

    Raises:
        ValueError: If processes would share a GPU, which NCCL cannot do.
    """
    processes, gpus = int(os.environ.get('LOCAL_WORLD_SIZE', 1)), torch.cuda.device_count()
    if backend == 'nccl' and processes > gpus:
        raise ValueError(
            f'{processes} processes on this machine need a GPU each, got {gpus}. Start {gpus}, or set '
            'CUDA_VISIBLE_DEVICES= to train on CPUs.'
        )


def check_launcher(launcher: str) -> None:
    """Check that a launcher has started this process, by the variables that it sets.

    Raises:
        ValueError: If it has not.
    """
    names, start = LAUNCHERS.get(launcher, ((), ''))
    if missing := [name for name in names if not os.environ.get(name)]:
        raise ValueError(
            f'--launcher {launcher} needs the environment variables of its launcher, got no {", ".join(missing)}. '
            f'Start the command with {start}, or remove --launcher.'
        )


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
        log_warning('SyncBN needs GPUs: every process normalizes its own batch.')


def in_first_process(function: Callable[[], Result]) -> Result:
    """Call a function in the first process; every process returns its result or raises its error."""
    answer: list[Any] = [None, None]
    if dist.is_main_process():
        try:
            answer[0] = function()
        except Exception as error:  # the other processes wait for an answer
            answer[1] = error
    dist.broadcast_object_list(answer)
    if answer[1] is not None:
        raise answer[1]
    return answer[0]


def leave_process_group() -> None:
    """Destroy the process group, if there is one.

    Called at exit: the process aborts if gloo's threads outlive the interpreter. A distributed model that is only
    reachable through cycles of the runner would keep the group alive, so it is collected first.
    """
    if distributed.is_initialized():
        gc.collect()
        distributed.destroy_process_group()
