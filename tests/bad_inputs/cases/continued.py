"""Trainings that start from a checkpoint: ``load_from`` and ``--resume``."""

from pathlib import Path

import torch

from ..harness import Case, case
from .checkpoints import FOREIGN, changed, fill, head_of

FINE_TUNE = 'train wsl.py --work-dir new --cfg-options load_from={}'
RESUME = 'train wsl.py --work-dir work --resume --cfg-options train_cfg.max_epochs=3'


def no_optimizer(root: Path) -> None:
    """Remove the state of the optimizer."""
    path = root / 'work/epoch_2.pth'
    checkpoint = torch.load(path, weights_only=True)
    del checkpoint['optimizer']
    torch.save(checkpoint, path)


def newest_half(root: Path) -> None:
    """Cut the newest checkpoint of the training in half, as a crash of the machine does."""
    path = root / 'work/epoch_2.pth'
    path.write_bytes(path.read_bytes()[:5000])


CASES: list[Case] = [
    case('load_from: empty', FINE_TUNE.format(''), 'rejected', '`load_from` must be', 'empty text', absent=('new',)),
    case('load_from: no file', FINE_TUNE.format('none.pth'), 'rejected', 'load_from', 'none.pth'),
    case('load_from: another network', FINE_TUNE.format('supervised/epoch_2.pth'), 'rejected', '--allow-mismatch'),
    case(
        'load_from: nothing fits with --allow-mismatch',
        f'train --allow-mismatch {FINE_TUNE.format("imagenet.pth").removeprefix("train ")}',
        'rejected',
        'must fit the config',
    ),
    case(
        'load_from: another head with --allow-mismatch',
        f'train --allow-mismatch {FINE_TUNE.format(FOREIGN).removeprefix("train ")}',
        'done',
        'start from their initialization',
        prepare=changed(head_of(9)),
    ),
    case(
        'load_from: NaN weights',
        FINE_TUNE.format(FOREIGN),
        'rejected',
        'must be finite',
        prepare=changed(fill(float('nan'))),
    ),
    case(
        '--resume: other layers',
        f'{RESUME} model.decode_head.hidden_channels=[32]',
        'rejected',
        'must fit the config',
    ),
    case(
        '--resume: the newest checkpoint is half a file',
        RESUME,
        'done',
        'epoch_1.pth',
        prepare=newest_half,
        changes=('work/*',),
    ),
    case('--resume: nothing to resume', 'train wsl.py --work-dir new --resume', 'done', 'no checkpoint in'),
    case('--resume: the training is finished', 'train wsl.py --work-dir work --resume', 'done', changes=('work/*',)),
    case(
        '--resume: no state of the optimizer', RESUME, 'done', 'starts anew', prepare=no_optimizer, changes=('work/*',)
    ),
]
