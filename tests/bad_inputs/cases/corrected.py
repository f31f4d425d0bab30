"""Pseudo-labels and scores that somebody changed since they were written."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from ..harness import Case, case
from .data import all_of, content, remove
from .edited import edit
from .links import thresholds
from .outputs import command
from .own_images import EVERYTHING
from .own_images import RUN as NEW

RUN = NEW.replace('--out new', '--out project')
LABEL = 'generate-pseudo-labels wsl.py work/epoch_2.pth --out pseudo --work-dir pseudo_log'
OTHER = f'{LABEL} --rethreshold --fg-threshold 0.3'
WRITTEN = ('pseudo/*', 'pseudo/*/*', 'pseudo/*/*/*', 'pseudo_log/*')
SCORED = 'predict project images --out new --scores'


def corrected(*paths: str) -> Callable[[Path], None]:
    """Return a function that paints a class into masks."""

    def paint(root: Path) -> None:
        for path in paths:
            mask = Image.open(root / path)
            mask.paste(2, (5, 5, 20, 20))
            mask.save(root / path)

    return paint


def painted(path: str, there: bool = True) -> Callable[[Path], None]:
    """Return a function that checks whether a mask has what :func:`corrected` painted."""

    def verify(root: Path) -> None:
        assert bool((np.asarray(Image.open(root / path))[5:20, 5:20] == 2).all()) == there

    return verify


def copied(source: str, target: str) -> Callable[[Path], object]:
    """Return a function that copies a file."""
    return lambda root: shutil.copyfile(root / source, root / target)


def unfinished(root: Path) -> None:
    """Give the masks other thresholds, and leave their stage as an interruption does."""
    command('label project --thresholds t.json')(root)
    edit('project/summary.json', 'labels.finished', False)(root)


CASES: list[Case] = [
    case(
        'label: two masks',
        'label project --thresholds t.json',
        'rejected',
        'labels/masks: 2 masks would be replaced',
        '00.png, 03.png',
        '--overwrite',
        prepare=all_of(thresholds(), corrected('project/labels/masks/00.png', 'project/labels/masks/03.png')),
    ),
    case(
        'label: a mask, with --overwrite',
        'label project --thresholds t.json --overwrite',
        'done',
        '8 masks',
        prepare=all_of(thresholds(), corrected('project/labels/masks/00.png')),
        changes=EVERYTHING,
        verify=painted('project/labels/masks/00.png', there=False),
    ),
    case(
        'label: a mask, of the same thresholds',
        'label project --thresholds project/labels/thresholds.json',
        'done',
        '8 masks',
        prepare=corrected('project/labels/masks/00.png'),
        changes=('project/summary.json', 'project/labels/*.json', 'project/labels/.*'),
        verify=painted('project/labels/masks/00.png'),
    ),
    case(
        'run: a mask, after an interruption',
        RUN,
        'rejected',
        'labels/masks: 1 masks would be replaced',
        prepare=all_of(thresholds(), unfinished, corrected('project/labels/masks/00.png')),
        changes=EVERYTHING,
        verify=painted('project/labels/masks/00.png'),
    ),
    case(
        'labels: a mask, with --rethreshold',
        OTHER,
        'rejected',
        'pseudo/masks: 1 masks would be replaced',
        '03.png',
        prepare=corrected('pseudo/masks/03.png'),
    ),
    case(
        'labels: a mask, with --rethreshold --overwrite',
        f'{OTHER} --overwrite',
        'done',
        '8 of 8 images have scores',
        prepare=corrected('pseudo/masks/03.png'),
        changes=WRITTEN,
        verify=painted('pseudo/masks/03.png', there=False),
    ),
    case(
        'labels: a mask whose scores are gone',
        LABEL,
        'rejected',
        'pseudo/masks: 1 masks would be replaced',
        '03.png',
        prepare=all_of(corrected('pseudo/masks/03.png', 'pseudo/masks/02.png'), remove('pseudo/scores/03.npz')),
    ),
    case(
        'labels: a mask of a folder whose list of digests is damaged',
        OTHER,
        'done',
        prepare=all_of(corrected('pseudo/masks/03.png'), content(b'["03", \n3\n["a"]\n', 'pseudo/.mmwsl_masks')),
        changes=WRITTEN,
    ),
    case(
        'labels: scores of another image',
        OTHER,
        'rejected',
        'pseudo/scores/03.npz',
        "another image, '02'",
        prepare=copied('pseudo/scores/02.npz', 'pseudo/scores/03.npz'),
        changes=('pseudo/manifest.json', 'pseudo/.mmwsl_*'),
    ),
    case(
        'label: scores of another image',
        'label project',
        'rejected',
        'project/labels/scores/03.npz',
        'another image',
        prepare=copied('project/labels/scores/02.npz', 'project/labels/scores/03.npz'),
        changes=('project/summary.json', 'project/labels/manifest.json', 'project/labels/.mmwsl_*'),
    ),
    *(
        case(
            f'predict: scores {name}',
            SCORED,
            'rejected',
            'new/scores/03.npz',
            says,
            prepare=all_of(command(SCORED), prepare),
        )
        for name, says, prepare in (
            ('of another image', "another image, '02'", copied('new/scores/02.npz', 'new/scores/03.npz')),
            ('are other arrays', 'other arrays', lambda root: np.savez(root / 'new/scores/03.npz', a=np.zeros(1))),
            ('are text', '.npz', lambda root: (root / 'new/scores/03.npz').write_text('a')),
        )
    ),
]
