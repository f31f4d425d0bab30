"""Weights under another key, or that give no finite scores."""

from pathlib import Path

import torch

from ..harness import Case, case
from .checkpoints import FOREIGN, TEST, changed, fill


def nested(root: Path) -> None:
    """Write the parameters under the key of other frameworks."""
    torch.save(dict(model=torch.load(root / 'work/epoch_2.pth', weights_only=True)['state_dict']), root / FOREIGN)


CASES: list[Case] = [
    case(
        'scores of some images are NaN',
        f'predict wsl.py images --checkpoint {FOREIGN} --out new',
        'failed',
        'images have no mask (',
        'use another checkpoint',
        prepare=changed(fill(3e38)),
    ),
    case('parameters under another key', TEST.format(FOREIGN), 'done', "under the key 'model'", prepare=nested),
    case(
        'parameters under another key: run',
        f'run images --labels labels.csv --out new --backbone {FOREIGN} --epochs 1',
        'rejected',
        "got them under the key 'model'",
        prepare=nested,
    ),
]
