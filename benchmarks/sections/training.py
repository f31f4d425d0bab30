"""A training step with each acceleration, and a training by `tools/train.py` from JPEG files."""

import copy
import math
import os
import shutil
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.runner import Runner
from mmseg.registry import DATASETS

from mmwsl.apis.acceleration import accelerate, fuse_optimizer
from mmwsl.apis.config import load_config
from mmwsl.apis.cpu import prepare_cpu
from mmwsl.apis.training import train
from mmwsl.registry import MODELS

from .images import folder_config, write_images
from .timing import Call, counts, medians, now, row, wait

SETTINGS = dict(cuda=('resnet50', 448, 16, 60), cpu=('mobilenet-v2', 224, 4, 12))
"""Network, side of the images, batch size and iterations, by the kind of device."""
FEW = 6
"""Iterations of voc6 on a CPU."""
PLAIN = dict(amp='off', tf32=False, channels_last=False, fused_optimizer=False)


class Clock(Hook):
    """Hook that notes the time after the first third of the iterations, in which the loaders start, and after all."""

    def __init__(self, device: torch.device, iterations: int) -> None:
        self.device, self.first, self.last, self.times = device, iterations // 3, iterations - 1, []

    def note(self, iteration: int) -> None:
        """Note the time after an iteration, counted from 0; only then it waits for the GPU."""
        if iteration in (self.first, self.last):
            self.times.append(now(self.device))

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Note the time."""
        self.note(runner.iter)

    @property
    def mean(self) -> float:
        """Seconds of an iteration."""
        first, last = self.times
        return (last - first) / (self.last - self.first)


def rows(device: torch.device, folder: Path) -> Iterator[dict]:
    """Measure steps on one batch, then trainings that load their images."""
    network, size, batch, _ = SETTINGS[device.type]
    write_images(folder / 'images', 64)
    text = f'{network}, {size} x {size}, batches of {batch}'
    settings = dict(float32=PLAIN, TF32=dict(PLAIN, tf32=True))
    if device.type == 'cuda':
        settings['bfloat16, TF32'] = dict(PLAIN, tf32=True, amp='auto')
        settings['bfloat16, TF32, channels last'] = dict(PLAIN, tf32=True, amp='auto', channels_last=True)
        settings['all: the default'] = dict(amp='auto', tf32=True, channels_last=True, fused_optimizer=True)
    else:
        prepare_cpu()
        # With it a step reads nothing from the optimizer, as on a GPU.
        fused = dict(PLAIN, fused_optimizer=True)
        settings = {'float32': PLAIN, 'fused optimizer': fused, 'bfloat16': dict(PLAIN, amp='bfloat16')}
    found = {}
    for name, chosen in settings.items():
        call = step(folder, device, chosen)
        found[name] = medians({name: call}, device)[name]
        ratio = found[name] / found['float32']
        yield row(f'step, {text}: {name}', found[name], 'ms', 'float32', ratio, **counts(call, device))
    fastest = 'all: the default' if device.type == 'cuda' else 'float32'
    yield from compiled_step(
        f'step, {text}: {fastest}', step(folder, device, settings[fastest]), found[fastest], device
    )
    yield row('images from files, 500 x 500 to 448 x 448, one process of a loader', loaded(folder), 'images/s')
    ms = 1e3 * iteration(config(folder, 'train', device), device)
    bare = 1e3 * bare_iteration(folder, device, settings[fastest])
    name = f'training from files, {text}: an iteration'
    yield row(f'{name} of a bare loop', bare, 'ms', 'the step alone', bare / found[fastest])
    yield row(f'{name} of tools/train.py', ms, 'ms', 'a bare loop', ms / bare)
    yield epoch(folder, device)


def config(folder: Path, name: str, device: torch.device) -> Config:
    """Return the config of a training on the images in a folder."""
    network, size, batch_size, iterations = SETTINGS[device.type]
    return folder_config(folder / 'images', network, folder / name, size, batch_size, iterations)


def compiled_step(name: str, call: Call, eager: float, device: torch.device) -> Iterator[dict]:
    """Measure a step by torch.compile, as with ``compile=True`` in a config, and the time that compiling takes."""
    try:
        compiled = torch.compile(call)
        # An empty cache: what an earlier run compiled is not used.
        with TemporaryDirectory() as cache, patch.dict(os.environ, TORCHINDUCTOR_CACHE_DIR=cache):
            start = time.perf_counter()
            compiled()
            wait(device)
            first = time.perf_counter() - start
        ms = medians(dict(compiled=compiled), device)['compiled']
    except Exception as error:  # no C++ compiler, no Triton, or an operation that cannot be compiled
        reason = (str(error).splitlines() or [''])[0]
        yield row(f'{name}, torch.compile', None, 'ms', missing=f'{type(error).__name__}: {reason}'[:150])
        return
    yield row(f'{name}, torch.compile', ms, 'ms', 'not compiled', ms / eager)
    yield row(f'{name}, torch.compile: the first step, elapsed time', first, 's')


def iteration(cfg: Config, device: torch.device) -> float:
    """Train; return the seconds of an iteration."""
    clock = Clock(device, cfg.train_cfg.max_iters)
    train(cfg, hooks=[clock], overwrite=True, check_data=False)
    return clock.mean


def bare_iteration(folder: Path, device: torch.device, acceleration: dict) -> float:
    """Return the seconds of an iteration of a loop without runner and hooks, with the same loader and precision."""
    cfg, model, optimizer = network(folder, device, acceleration)
    iterations = SETTINGS[device.type][-1]
    clock = Clock(device, iterations)
    for index, batch in enumerate(islice(Runner.build_dataloader(cfg.train_dataloader, seed=0), iterations)):
        inputs = model.data_preprocessor(batch, training=True)
        with optimizer.optim_context(model):
            losses = model(**inputs, mode='loss')
        optimizer.optimizer.zero_grad()
        sum(value for name, value in losses.items() if 'loss' in name).backward()
        optimizer.optimizer.step()
        clock.note(index)
    return clock.mean


def epoch(folder: Path, device: torch.device) -> dict:
    """Measure an epoch of voc6 with an empty cache of features: all iterations on a GPU, the first ones on a CPU."""
    name = 'tools/train.py, wsl_lse_voc6, empty cache: an epoch'
    root = Path(os.environ.get('MMWSL_DATA_ROOT', 'data'), 'voc6')
    if not root.is_dir():
        return row(name, None, 's', missing='MMWSL_DATA_ROOT has no voc6')
    cfg = load_config('wsl_lse_voc6', work_dir=str(folder / 'epoch'))
    shutil.rmtree(folder / 'cache', ignore_errors=True)
    cfg.model.backbone.cache_dir = str(folder / 'cache')
    cfg.model.backbone.backbone.init_cfg = None
    steps = math.ceil(len(DATASETS.build(cfg.train_dataloader.dataset)) / cfg.train_dataloader.batch_size)
    cfg.update(val_cfg=None, val_dataloader=None, val_evaluator=None, param_scheduler=None)
    measured = steps if device.type == 'cuda' else FEW
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=measured)
    cfg.default_hooks.checkpoint.interval = measured
    cfg.visualizer.name = cfg.experiment_name = 'epoch'
    extrapolated = '' if measured == steps else f', from {measured} iterations'
    return row(f'{name} of {steps} iterations{extrapolated}', steps * iteration(cfg, device), 's')


def loaded(folder: Path) -> float:
    """Return how many images per second of CPU time one process loads and transforms for a GPU."""
    cfg = config(folder, 'step', torch.device('cuda'))
    dataset = Runner.build_dataloader(dict(cfg.train_dataloader, num_workers=0, persistent_workers=False)).dataset
    dataset[0]
    start = time.process_time()
    for index in range(len(dataset)):
        dataset[index]
    return len(dataset) / (time.process_time() - start)


def network(folder: Path, device: torch.device, acceleration: dict) -> tuple[Config, BaseModel, OptimWrapper]:
    """Return the config of a training, its network on the device, and its optimizer."""
    cfg = config(folder, 'step', device)
    cfg.acceleration_cfg = acceleration
    hooks, _ = accelerate(cfg)
    if acceleration['fused_optimizer']:
        fuse_optimizer(cfg)  # on a CPU, too
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).to(device).train()
    model.init_weights()
    if hooks:
        model.to(memory_format=torch.channels_last)
    return cfg, model, build_optim_wrapper(model, cfg.optim_wrapper)


def step(folder: Path, device: torch.device, acceleration: dict) -> Call:
    """Return the call of a training step on a batch."""
    cfg, model, optimizer = network(folder, device, acceleration)
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.train_dataloader.pop('prefetch_factor', None)
    batch = next(iter(Runner.build_dataloader(cfg.train_dataloader, seed=0)))
    return lambda: model.train_step(copy.copy(batch), optimizer)
