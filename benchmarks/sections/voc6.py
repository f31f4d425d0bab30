"""Weak and full supervision on voc6 with every layer trained: a classifier, pseudo-labels, DeepLab v3+.

The recipe is that of configs/pseudo_labels, two rounds; there the backbones are frozen. Its constants were tuned on
masks of voc6 train. The sizes are those of the configs too, so that only the backbones differ from the published
results: 448 pixels for the classifier, whose score map is coarse, 320 for DeepLab v3+, the longer side of most images.
Repeat the command to resume.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmwsl.apis.checkpoint import latest_checkpoint
from mmwsl.apis.config import load_config
from mmwsl.apis.pseudo_labels import generate_pseudo_labels
from mmwsl.apis.training import train

from .timing import row

NETWORK = 'psl_deeplabv3plus_voc6'
BACKBONE = dict(custom_keys=dict(backbone=dict(lr_mult=0.1)))
"""Learning rate of the pretrained layers, relative to that of the head."""
UNCERTAIN = dict(tta=True, bg_threshold=0.25, fg_threshold=0.75)
"""Options of the labels of round 2."""


def rows(device: torch.device, folder: Path) -> Iterator[dict]:
    """Train, and return the mIoU of each network on val; ratios are to full supervision."""
    folder = folder / 'voc6'
    weak = fit('wsl_lse_voc6', folder / 'classifier')
    yield row('voc6 val, LSE, every layer trained', weak, '% mIoU')
    full = fit('fsl_deeplabv3plus_voc6', folder / 'full')
    yield row('voc6 val, DeepLab v3+ on masks, every layer trained', full, '% mIoU')
    labeler, weights, options = 'wsl_lse_voc6_pseudo', folder / 'classifier', {}
    for number in (1, 2):
        labels = folder / f'labels_{number}'
        # While MMWSL_PSEUDO_LABELS names the labels that the network was trained on: its manifest records their masks.
        label(labeler, weights, labels, **options)
        os.environ['MMWSL_PSEUDO_LABELS'] = str(labels)
        found = fit(NETWORK, folder / f'round_{number}')
        yield row(f'voc6 val, DeepLab v3+ on labels of round {number}', found, '% mIoU', 'on masks', found / full)
        labeler, weights, options = f'{NETWORK}_pseudo', folder / f'round_{number}', UNCERTAIN


def open_layers(name: str, work_dir: Path) -> Config:
    """Return a config whose backbone is trained, on mirrored images too."""
    cfg = load_config(name, work_dir=str(work_dir))
    backbone = cfg.model.backbone.get('backbone', cfg.model.backbone)
    if cfg.model.backbone is not backbone:  # features that change cannot be cached: the images may vary
        cfg.train_dataloader.dataset.pipeline.insert(2, dict(type='RandomFlip', prob=0.5))
    backbone.frozen = False
    cfg.model.backbone = backbone
    cfg.optim_wrapper.paramwise_cfg = BACKBONE
    return cfg


def fit(name: str, work_dir: Path) -> float:
    """Train and return the mIoU on val in percent."""
    runner = train(open_layers(name, work_dir), resume=True)
    return float(runner.message_hub.get_scalar('val/mIoU').current())


def label(name: str, weights: Path, out: Path, **options: Any) -> None:
    """Generate the pseudo-labels of all training images."""
    generate_pseudo_labels(open_layers(name, out / 'log'), latest_checkpoint(weights), out, **options)
