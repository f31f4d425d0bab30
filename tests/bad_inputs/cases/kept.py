"""Finished results: what others put beside them stays, and what is missing or outdated is noticed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from ..harness import Case, case
from .data import all_of, remove
from .outputs import LABEL, command
from .own_images import EVERYTHING, RUN

AGAIN = RUN.replace('--out new', '--out project')


def note(path: str) -> Callable[[Path], object]:
    """Return a function that writes a file of somebody else."""

    def write(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text('mine')

    return write


def other_image(root: Path) -> None:
    """Replace an image by a copy of another one."""
    shutil.copyfile(root / 'images/01.png', root / 'images/00.png')


def as_01(root: Path) -> None:
    """Check that the scores of the replaced image are those of its content."""
    with np.load(root / 'pseudo/scores/00.npz') as new, np.load(root / 'pseudo/scores/01.npz') as other:
        assert new['codes'].shape == other['codes'].shape and (new['codes'] == other['codes']).all()


def same_labels(root: Path) -> None:
    """Give the images 00 and 01 the same labels."""
    lines = (root / 'train.csv').read_text().splitlines()
    rows = dict(line.split(',', 1) for line in lines[1:])
    rows['00.png'] = rows['01.png']
    (root / 'train.csv').write_text('\n'.join([lines[0], *(f'{name},{labels}' for name, labels in rows.items())]))


def empty_scores(root: Path) -> None:
    """Replace scores by an archive that holds others."""
    np.savez(root / 'pseudo/scores/03.npz', other=np.zeros(1))


def a_mask(root: Path) -> None:
    """Check that a mask that was missing is there."""
    assert Image.open(root / 'project/predictions/masks/08.png').size


CASES: list[Case] = [
    case(
        'predict: files of others beside masks of another format',
        'predict project images --out new --format color',
        'rejected',
        'color/',
        prepare=all_of(command('predict project images --out new --format color'), note('new/color/mine.txt')),
    ),
    case(
        'predict: a folder of others with the name of a format',
        'predict project images --out new --format overlay',
        'rejected',
        'overlay/',
        prepare=all_of(command('predict project images --out new'), note('new/overlay/mine.txt')),
    ),
    case(
        'labels: --rethreshold with damaged scores keeps the old masks',
        f'{LABEL} --out pseudo --rethreshold --fg-threshold 0.5',
        'rejected',
        '03.npz',
        prepare=empty_scores,
        changes=('pseudo/manifest.json', 'pseudo/.mmwsl_*'),
    ),
    case(
        'labels: an image was replaced',
        f'{LABEL} --out pseudo --work-dir pseudo_log',
        'done',
        'pseudo',
        prepare=all_of(
            lambda root: shutil.rmtree(root / 'pseudo'),
            same_labels,
            command(f'{LABEL} --out pseudo --work-dir pseudo_log'),
            other_image,
        ),
        verify=as_01,
        changes=('pseudo/*', 'pseudo/*/*', 'pseudo_log/*'),
    ),
    *(
        case(
            f'run: --overwrite and a file of others in {folder}',
            f'{AGAIN} --overwrite --seed 5',
            'rejected',
            f'project/{folder}/mine.txt',
            'Move them away',
            prepare=note(f'project/{folder}/mine.txt'),
        )
        for folder in ('data', 'checkpoints', 'labels/masks', 'segmentor', 'predictions', 'report')
    ),
    case(
        'run: a mask of a finished stage is gone',
        AGAIN,
        'rejected',
        'project/labels/masks/00.png',
        'mmwsl label project',
        prepare=remove('project/labels/masks/00.png'),
        changes=EVERYTHING,  # which follow the copied folder
    ),
    case(
        'label: a mask is gone',
        'label project --thresholds project/labels/thresholds.json',
        'done',
        '8 masks',
        prepare=remove('project/labels/masks/00.png'),
        changes=EVERYTHING,
        verify=lambda root: Image.open(root / 'project/labels/masks/00.png').verify(),
    ),
    case(
        'run: a prediction is gone',
        AGAIN,
        'done',
        'mIoU',
        prepare=remove('project/predictions/masks/08.png'),
        changes=EVERYTHING,
        verify=a_mask,
    ),
]
