"""Settings that make training and inference fast on a GPU, and do not change what is trained."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.hooks import Hook
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS, OPTIMIZERS
from torch.optim import SGD, Adam, AdamW

from mmwsl.apis.registered import is_subclass, registered_class
from mmwsl.engine.bfloat16 import BFloat16OptimWrapper
from mmwsl.engine.hooks import ChannelsLastHook
from mmwsl.models import FusedSegDataPreProcessor
from mmwsl.registry import MODELS
from mmwsl.utils.text import check_choice

PRECISIONS = ('auto', 'off', 'bfloat16', 'float16')
ACCELERATION = dict(amp='auto', tf32=True, channels_last=True, fused_optimizer=True)
"""Keys of ``acceleration_cfg`` in a config, and their defaults. All but ``amp`` act on a GPU only."""
PREFETCHED = 4
"""Batches that each process of a loader prepares ahead on a GPU; the default of torch is 2."""


FUSED = (SGD, Adam, AdamW)
"""Optimizers of torch with a fused kernel for GPUs."""


@contextmanager
def restored_backends() -> Iterator[None]:
    """Restore after the block TF32 and ``cudnn.benchmark``, which are settings of the process.

    Post-processing in the same process computes matrix products without TF32, and for images of many sizes.
    """
    products, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = products.allow_tf32, cudnn.allow_tf32, cudnn.benchmark
    try:
        yield
    finally:
        products.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = before


def accelerate(cfg: Config, amp: str | None = None) -> tuple[list[Hook], str]:
    """Apply ``acceleration_cfg`` to a config, before its runner is built.

    On a GPU the forward pass is computed in bfloat16 where the GPU has it (compute capability 8.0), other float32
    matrix products in TF32, convolutions channels last, the optimizer in one kernel. What the config sets itself stays
    as it is; :func:`prepare_inputs` sets the loaders. TF32 is a setting of the process, see
    :func:`restored_backends`. On a CPU nothing changes, unless ``amp`` asks for bfloat16.

    Args:
        cfg: The config, changed in place.
        amp: Precision of the forward pass, one of ``PRECISIONS``. None takes that of the config.

    Returns:
        Hooks for the runner, and a text for the log.

    Raises:
        ValueError: If a setting has another value, or the machine or the optimizer wrapper do not support the
            precision.
    """
    settings = read_settings(cfg)
    name = 'acceleration_cfg.amp' if amp is None else '--amp'
    used = [set_precision(cfg, amp or settings['amp'], name)]
    hooks: list[Hook] = []
    if get_device() == 'cuda':
        torch.backends.cuda.matmul.allow_tf32 = settings['tf32']
        if settings['channels_last']:
            hooks.append(ChannelsLastHook())
        fused = settings['fused_optimizer'] and fuse_optimizer(cfg)
        prepare_inputs(cfg)
        loader, preprocessor = cfg.train_dataloader, (cfg.get('model') or {}).get('data_preprocessor') or {}
        parts = {
            'TF32': settings['tf32'],
            'channels last': hooks,
            'fused optimizer': fused,
            'fused preprocessing': is_subclass(preprocessor, MODELS, FusedSegDataPreProcessor),
            'pinned memory': loader.get('pin_memory'),
            'persistent processes': loader.get('persistent_workers'),
            f'prefetching {loader.get("prefetch_factor")}': loader.get('prefetch_factor'),
        }
        used += [text for text, on in parts.items() if on]
    if cfg.get('compile'):
        used.append('compiled')
    return hooks, ', '.join(used)


def read_settings(cfg: Config) -> dict[str, Any]:
    """Return ``acceleration_cfg`` of a config, completed by ``ACCELERATION``.

    Raises:
        ValueError: If a switch is neither True nor False.
    """
    settings: dict[str, Any] = {**ACCELERATION, **(cfg.get('acceleration_cfg') or {})}
    for key in ('tf32', 'channels_last', 'fused_optimizer'):
        if not isinstance(settings[key], bool):
            raise ValueError(f'`acceleration_cfg.{key}` must be True or False, got {settings[key]!r}.')
    return settings


def prepare_inputs(cfg: Config) -> None:
    """Prepare every runner for a GPU, also of evaluation and label generation, before it is built.

    Processes that load images persist between epochs, prepare more batches ahead, and copy from pinned memory, unless
    the config says otherwise. Convolutions may use TF32, as in torch's default; other matrix products in TF32 are for
    training, see :func:`restored_backends`: post-processing stays in float32. On a CPU nothing changes.

    Args:
        cfg: The config, changed in place.
    """
    if get_device() != 'cuda':
        return
    torch.backends.cudnn.allow_tf32 = read_settings(cfg)['tf32']
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        if isinstance(loader := cfg.get(name), dict):
            prepare_loader(loader)


def set_precision(cfg: Config, amp: str, name: str = '--amp') -> str:
    """Set the precision of the forward pass.

    Args:
        cfg: The config, changed in place.
        amp: One of ``PRECISIONS``. ``'auto'`` is bfloat16 on a GPU that has it, and float32 elsewhere.
        name: What asked for it, for the errors.

    Returns:
        The precision.

    Raises:
        ValueError: If it is unknown, or the machine or the optimizer wrapper do not support it.
    """
    check_choice(name, amp, PRECISIONS)
    wrapper = {'type': 'OptimWrapper', **cfg.optim_wrapper}
    if is_subclass(wrapper, OPTIM_WRAPPERS, (AmpOptimWrapper, BFloat16OptimWrapper)):
        used = 'float16' if is_subclass(wrapper, OPTIM_WRAPPERS, AmpOptimWrapper) else 'bfloat16'
        used = str(wrapper.get('dtype') or used)
        if name == '--amp' and amp not in ('auto', used):
            raise ValueError(
                f'--amp {amp} contradicts `optim_wrapper.type`, got {wrapper["type"]!r}. Remove --amp, or set '
                '--cfg-options optim_wrapper.type=OptimWrapper.'
            )
        return used
    plain = registered_class(wrapper, OPTIM_WRAPPERS) is OptimWrapper
    device = get_device()
    if amp == 'auto':
        amp = 'bfloat16' if plain and device == 'cuda' and torch.cuda.get_device_capability() >= (8, 0) else 'off'
    if amp == 'off':
        return 'float32'
    if not plain:
        raise ValueError(
            f"{name} {amp} needs `optim_wrapper.type` 'OptimWrapper', got {wrapper['type']!r}. Set {name} to off, or "
            'change the type.'
        )
    if amp == 'float16' and device in ('cpu', 'mps'):
        raise ValueError(f'{name} float16 needs a GPU, got none that torch can use. Use off, or see mmwsl doctor.')
    if amp == 'bfloat16':
        cfg.optim_wrapper.type = 'mmwsl.BFloat16OptimWrapper'
    else:
        cfg.optim_wrapper.update(type='AmpOptimWrapper', loss_scale='dynamic', dtype=amp)
    return amp


def fuse_optimizer(cfg: Config) -> bool:
    """Let SGD, Adam or AdamW update all weights in one kernel; return whether the optimizer of a config does.

    Others have an argument of this name too, such as Adagrad of torch, whose fused kernel is for a CPU.
    """
    optimizer = cfg.optim_wrapper.get('optimizer') or {}
    found = registered_class(optimizer, OPTIMIZERS) if 'type' in optimizer else None
    if found not in FUSED or 'fused' not in inspect.signature(found).parameters:  # SGD since torch 2.3
        return False
    if not {'fused', 'foreach'} & optimizer.keys():
        optimizer['fused'] = True
    return bool(optimizer.get('fused'))


def prepare_loader(loader: dict) -> None:
    """Let the processes of a loader persist and prepare images ahead, unless its config says otherwise."""
    loader.setdefault('pin_memory', True)
    if loader.get('num_workers'):
        loader.setdefault('persistent_workers', True)
        loader.setdefault('prefetch_factor', PREFETCHED)
