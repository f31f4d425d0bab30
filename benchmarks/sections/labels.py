"""Pseudo-labels with the CRF, from JPEG files to masks, against the network alone."""

import time
from collections.abc import Iterator
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner import Runner, load_checkpoint

from mmwsl.apis.pseudo_labels import generate_pseudo_labels
from mmwsl.registry import MODELS

from .images import folder_config
from .timing import row, wait
from .training import SETTINGS

FEW, MANY = 8, 64  # images; the difference of both runs leaves out what a run costs once


def rows(device: torch.device, folder: Path) -> Iterator[dict]:
    """Measure; the section of training comes before, and leaves images and weights."""
    checkpoint = (folder / 'train' / 'last_checkpoint').read_text().strip()
    alone = network_alone(config(folder), checkpoint, device)
    yield row('images through the network alone', 1 / alone, 'images/s')
    times = {}
    for count in (FEW, FEW, MANY):  # the first run loads and compiles
        start = time.perf_counter()
        generate_pseudo_labels(
            config(folder), checkpoint, folder / f'labels_{count}', max_images=count, overwrite=True, check_data=False
        )
        times[count] = time.perf_counter() - start
    each = (times[MANY] - times[FEW]) / (MANY - FEW)
    yield row(
        'pseudo-labels with the CRF, from files to masks', 1 / each, 'images/s', 'the network alone', alone / each
    )


def config(folder: Path) -> Config:
    """Return the config of the trained network, with the CRF."""
    network, size, batch, iterations = SETTINGS['cuda' if torch.cuda.is_available() else 'cpu']
    cfg = folder_config(folder / 'images', network, folder / 'labels', size, batch, iterations)
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
    batches = [batch for batch, _ in zip(loader, range(16), strict=False)]
    with torch.no_grad():
        model.test_step(batches[0])
        wait(device)
        start = time.perf_counter()
        for batch in batches:
            model.test_step(batch)
        wait(device)
    return (time.perf_counter() - start) / len(batches)
