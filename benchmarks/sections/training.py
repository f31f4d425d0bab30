"""A training step with each acceleration, and a training by `tools/train.py` from JPEG files."""

import copy
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner

from mmwsl.apis.acceleration import accelerate
from mmwsl.apis.training import train
from mmwsl.registry import MODELS

from .images import folder_config, write_images
from .timing import Call, medians, row, wait

SETTINGS = dict(cuda=('resnet50', 448, 16, 60), cpu=('mobilenet-v2', 224, 4, 12))
"""Network, side of the images, batch size and iterations, by the kind of device."""
PLAIN = dict(amp='off', tf32=False, channels_last=False, fused_optimizer=False)


class Clock(Hook):
    """Hook that notes when each iteration ends."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.times = device, []

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Note the time; the first and the last iteration wait for the GPU."""
        if not self.times or runner.iter + 1 == runner.max_iters:
            wait(self.device)
        self.times.append(time.perf_counter())


def rows(device: torch.device, folder: Path) -> Iterator[dict]:
    """Measure steps on one batch, then a training that loads its images."""
    network, size, batch, iterations = SETTINGS[device.type]
    write_images(folder / 'images', 64)
    text = f'{network}, {size} x {size}, batches of {batch}'
    settings = dict(float32=PLAIN, TF32=dict(PLAIN, tf32=True))
    if device.type == 'cuda':
        settings['bfloat16, TF32'] = dict(PLAIN, tf32=True, amp='auto')
        settings['bfloat16, TF32, channels last'] = dict(PLAIN, tf32=True, amp='auto', channels_last=True)
        settings['all: the default'] = dict(amp='auto', tf32=True, channels_last=True, fused_optimizer=True)
    else:
        settings = dict(float32=PLAIN, bfloat16=dict(PLAIN, amp='bfloat16'))
    found = {}
    for name, chosen in settings.items():
        call = step(folder, device, chosen)
        found[name] = medians({name: call}, device)[name]
        yield row(f'step, {text}: {name}', found[name], 'ms', 'float32', found[name] / found['float32'])
    yield row('images from files, 500 x 500 to 448 x 448, one process of a loader', loaded(folder), 'images/s')
    best = found['all: the default' if device.type == 'cuda' else 'float32']
    clock = Clock(device)
    train(
        folder_config(folder / 'images', network, folder / 'train', size, batch, iterations),
        hooks=[clock],
        overwrite=True,
        check_data=False,
    )
    skipped = len(clock.times) // 3  # the loaders start
    ms = 1e3 * (clock.times[-1] - clock.times[skipped]) / (len(clock.times) - 1 - skipped)
    yield row(f'tools/train.py, {text}: time of an iteration', ms, 'ms', 'the step alone', ms / best)
    yield row(f'tools/train.py, {text}', 1e3 * batch / ms, 'images/s')


def loaded(folder: Path) -> float:
    """Return how many images per second of CPU time one process loads and transforms for a GPU."""
    network, size, batch_size, iterations = SETTINGS['cuda']
    cfg = folder_config(folder / 'images', network, folder / 'step', size, batch_size, iterations)
    dataset = Runner.build_dataloader(dict(cfg.train_dataloader, num_workers=0, persistent_workers=False)).dataset
    dataset[0]
    start = time.process_time()
    for index in range(len(dataset)):
        dataset[index]
    return len(dataset) / (time.process_time() - start)


def step(folder: Path, device: torch.device, acceleration: dict) -> Call:
    """Return the call of a training step on a batch."""
    network, size, batch_size, iterations = SETTINGS[device.type]
    cfg = folder_config(folder / 'images', network, folder / 'step', size, batch_size, iterations)
    cfg.acceleration_cfg = acceleration
    hooks, _ = accelerate(cfg)
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.train_dataloader.pop('prefetch_factor', None)
    batch = next(iter(Runner.build_dataloader(cfg.train_dataloader, seed=0)))
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).to(device).train()
    model.init_weights()
    if hooks:
        model.to(memory_format=torch.channels_last)
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper)
    return lambda: model.train_step(copy.copy(batch), optimizer)
