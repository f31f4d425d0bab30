"""Pseudo-labels with the CRF, from JPEG files to masks, against the network alone."""

import os
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner import Runner, load_checkpoint

from mmwsl.apis.pseudo_labels import generate_pseudo_labels
from mmwsl.registry import MODELS

from .timing import now, row
from .training import config

FEW, MANY = 8, 64  # images; the difference of both runs leaves out what a run costs once


def rows(device: torch.device, folder: Path) -> Iterator[dict]:
    """Measure; the section of training comes before, and leaves images and weights.

    The configs predict one image at a time. On a GPU the images of a batch share the CRF: batches are measured too.
    """
    checkpoint = (folder / 'train' / 'last_checkpoint').read_text().strip()
    for batch_size in (1, 8) if device.type == 'cuda' else (1,):
        text = f'batches of {batch_size}'
        alone = network_alone(label_config(folder, device, batch_size), checkpoint, device)
        yield row(f'images through the network alone, {text}', 1 / alone, 'images/s')
        times = {}
        for count in (FEW, FEW, MANY):  # the first run loads and compiles
            cfg, out = label_config(folder, device, batch_size), folder / f'labels_{count}'
            start = elapsed(device)
            generate_pseudo_labels(cfg, checkpoint, out, max_images=count, overwrite=True, check_data=False)
            times[count] = elapsed(device) - start
        each = (times[MANY] - times[FEW]) / (MANY - FEW)
        name = f'pseudo-labels with the CRF, from files to masks, {text}'
        yield row(name, 1 / each, 'images/s', 'the network alone', alone / each)


def elapsed(device: torch.device) -> float:
    """Return a time in seconds: on a CPU the CPU time of this process and of those that it started and that ended."""
    return sum(os.times()[:4]) if device.type == 'cpu' else time.perf_counter()


def label_config(folder: Path, device: torch.device, batch_size: int) -> Config:
    """Return the config of the trained network, with the CRF."""
    cfg = config(folder, 'labels', device)
    cfg.test_dataloader.batch_size = batch_size
    steps = [dict(type='mmwsl.ImageLevelPrior'), dict(type='mmwsl.LogitSoftmax'), dict(type='mmwsl.DenseCRF')]
    cfg.model.inference = dict(postprocessors=steps)
    return cfg


def network_alone(cfg: Config, checkpoint: str, device: torch.device) -> float:
    """Return the seconds per image of the network alone."""
    cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
    loader = Runner.build_dataloader(cfg.test_dataloader, seed=0)
    cfg.model.inference = None
    model = MODELS.build(cfg.model).to(device).eval()
    load_checkpoint(model, checkpoint, map_location='cpu')
    batches = list(islice(loader, 16))
    with torch.no_grad():
        model.test_step(batches[0])
        start = now(device)
        for batch in batches:
            model.test_step(batch)
    return (now(device) - start) / sum(len(batch['inputs']) for batch in batches)
