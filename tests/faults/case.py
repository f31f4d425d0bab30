"""A command, and what the cases share."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from tests.conftest import REPOSITORY

CONFIG = REPOSITORY / 'configs/shapes/wsl_lse_shapes.py'
ONCE = ['train_cfg.max_epochs=1', 'param_scheduler=None']
SHORT = [
    *(f'{part}_dataloader.dataset.length={size}' for part, size in (('train', 32), ('val', 4), ('test', 6))),
    *(f'{part}_dataloader.persistent_workers=False' for part in ('val', 'test')),
    *(f'{part}_dataloader.num_workers=0' for part in ('val', 'test')),
]
TEXTS = ('.json', '.xml', '.txt', '.py', '.yaml')


@dataclass(frozen=True)
class Case:
    """A command that writes into one folder.

    Attributes:
        argv: Its arguments, given the folder.
        kept: Patterns of the files that are finished work: a repeated command does not make them again.
        result: Function that reads the final result in the folder.
        again: Arguments of the command that continues.
        other: Arguments of a command with another result, which replaces that of the first.
        staged: Patterns of temporary folders in which a command that failed leaves the work that the next continues.
    """

    argv: Callable[[Path], list[str]]
    kept: Sequence[str]
    result: Callable[[Path], dict]
    again: Sequence[str] = ()
    other: Sequence[str] = ('--overwrite',)
    staged: Sequence[str] = ()


def with_options(argv, *options):
    return [*argv, '--cfg-options', *SHORT, *options]


def files_content(folder, *patterns):
    """Return the content of images, arrays and texts, by path."""
    content = {}
    for path in sorted(path for pattern in patterns for path in folder.glob(pattern)):
        if path.suffix == '.npz':
            with np.load(path) as arrays:
                value = {name: arrays[name].tolist() for name in arrays.files}
        elif path.suffix in TEXTS:
            value = path.read_text()
        else:
            value = np.asarray(Image.open(path)).tolist()
        content[str(path.relative_to(folder))] = value
    return content


def checkpoint(folder):
    """Return weights, optimizer and schedule of the last checkpoint, and the last metrics."""
    note = Path(folder, 'last_checkpoint').read_text()
    content = torch.load(folder / Path(note).name, weights_only=True)
    lines = [line for log in sorted(folder.glob('*/vis_data/scalars.json')) for line in log.read_text().splitlines()]
    metrics = [found for found in map(_parsed, lines) if 'mIoU' in found or 'mAP' in found]
    state = {key: content[key] for key in ('state_dict', 'optimizer', 'param_schedulers')}
    final = {key: value for key, value in metrics[-1].items() if 'time' not in key} if metrics else {}
    return dict(last=Path(note).name, metrics=final, **state)


def _parsed(line):
    try:
        return json.loads(line)
    except ValueError:  # the last line of a killed run
        return {}
