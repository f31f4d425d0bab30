"""Files that change between two commands on the same folder."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from ..harness import Case, case
from .data import Change, all_of, content, image, remove
from .outputs import command
from .own_images import CHECK, KEPT, RUN, labels

AGAIN = 'Repeat `mmwsl run ... --out project --overwrite`'
PREDICT = 'predict project images --out new'
RESUME = 'train wsl.py --work-dir work --resume --cfg-options train_cfg.max_epochs=3'
AT_HOME = command(RUN.replace('--out new', '--out project'))
"""The paths in the summary become those of the copy of the sandbox."""
BLACK = np.zeros((48, 48, 3), np.uint8)


def swapped(text: str) -> str:
    """Return a table whose first image has another label."""
    lines = text.splitlines()
    name = lines[1].split(',')[0]
    return '\n'.join([lines[0], f'{name},{"ring" if "ring" not in lines[1] else "star"}', *lines[2:]]) + '\n'


def renamed_checkpoint(root: Path) -> None:
    """Copy a work folder, and rename its checkpoint."""
    shutil.copytree(root / 'work', root / 'copy')
    (root / 'copy/last_checkpoint').write_text(str(root / 'work/epoch_2.pth'))
    (root / 'copy/epoch_2.pth').rename(root / 'copy/mine.pth')


def twelve_bits(*paths: str) -> Change:
    """Return a function that writes images of 12 bits in files of 16."""

    def write(root: Path) -> None:
        for path in paths:
            Image.fromarray(np.full((48, 48), 4000, np.uint16)).save(root / path)

    return write


def predicted_by(network: str) -> Callable[[Path], None]:
    """Return a function that checks which network the manifest of predictions names."""

    def verify(root: Path) -> None:
        assert network in json.loads((root / 'new/manifest.json').read_text())['checkpoint']

    return verify


def without_circles(root: Path) -> None:
    """Remove the pixels of a class from all masks."""
    for path in (root / 'masks').rglob('*.png'):
        pixels = np.asarray(Image.open(path)).copy()
        pixels[pixels == 1] = 0
        Image.fromarray(pixels).save(path)


CASES: list[Case] = [
    *(
        case(
            f'{name} project: {what}',
            f'{name} project',
            'rejected',
            'must have the images and labels of its run',
            AGAIN,
            prepare=all_of(AT_HOME, prepare),
        )
        for name in ('label', 'report')
        for what, prepare in (
            ('other labels', labels(swapped)),
            ('another image', image('02', BLACK)),
            ('a new labeled image', all_of(image('new', BLACK), labels(lambda text: f'{text}new.png,ring\n'))),
        )
    ),
    *(
        case(
            f'{name} project: the images were moved',
            f'{name} project',
            'rejected',
            'repeat `mmwsl run` with the new paths',
            prepare=all_of(AT_HOME, lambda root: (root / 'images').rename(root / 'moved')),
        )
        for name in ('label', 'report')
    ),
    case(
        'run: masks of the training were removed',
        RUN.replace('--out new', '--out project'),
        'rejected',
        'Pass --overwrite',
        prepare=remove('masks/00.png', 'masks/01.png', 'masks/02.png'),
    ),
    case(
        'run: the checkpoint of a finished stage was deleted',
        RUN.replace('--out new', '--out project'),
        'rejected',
        'pass --overwrite to repeat this stage',
        prepare=all_of(AT_HOME, lambda root: [path.unlink() for path in (root / 'project/checkpoints').glob('*.pth')]),
    ),
    case(
        'predict: the manifest of the masks was deleted',
        PREDICT,
        'rejected',
        '--out',
        'manifest.json',
        prepare=all_of(command(PREDICT), remove('new/manifest.json')),
    ),
    case(
        'predict: the manifest of the masks was deleted, --overwrite',
        'predict wsl.py images --checkpoint work/epoch_2.pth --out new --overwrite',
        'done',
        '12 of 12',
        prepare=all_of(command(PREDICT), remove('new/manifest.json')),
        verify=predicted_by('work/epoch_2.pth'),
        changes=('new/*', 'new/*/*', 'new/*/*/*'),
    ),
    case(
        '--resume: the labels changed',
        RESUME,
        'done',
        'train.csv changed since',
        prepare=lambda root: (root / 'train.csv').write_text(swapped((root / 'train.csv').read_text())),
        changes=('work/*',),
    ),
    case(
        '--resume: a copied folder whose checkpoint was renamed',
        RESUME.replace('work-dir work', 'work-dir copy'),
        'done',
        'training continues from',
        'copy/epoch_1.pth',
        prepare=all_of(renamed_checkpoint, lambda root: os.utime(root / 'copy/epoch_1.pth')),
        changes=('copy/*',),
    ),
    case('predict: a text as the image', 'predict project val.txt --out new', 'rejected', "'val.txt'", **KEPT),
    case(
        'predict: an image of 12 bits',
        PREDICT,
        'done',
        '1 of 12 images have 16 bits, but values below 16384 only',
        '02.png',
        prepare=twelve_bits('images/02.png'),
    ),
    case(
        'check: images of 12 bits',
        CHECK,
        'done',
        '2 images have 16 bits',
        prepare=twelve_bits('images/01.png', 'images/02.png'),
    ),
    case(
        'train: images of 12 bits',
        'train wsl.py --work-dir new',
        'done',
        '1 of 8 images have 16 bits',
        prepare=twelve_bits('images/02.png'),
    ),
    case('check: a class without a pixel', CHECK, 'done', 'no mask has a pixel of circle', prepare=without_circles),
    case(
        'check: an empty list of validation images',
        CHECK.replace('val.txt', 'empty.txt'),
        'rejected',
        "--val 'empty.txt' is empty",
        prepare=content(b'', 'empty.txt'),
    ),
    case(
        'check: a file as the folder', CHECK.replace('images', 'val.txt', 1), 'rejected', 'must be a folder, got a file'
    ),
    case(
        'check: 300 classes',
        CHECK,
        'rejected',
        '--labels',
        'at most 254 classes',
        prepare=labels(lambda text: f'{text}new.png,{";".join(f"class{index}" for index in range(300))}\n'),
    ),
]
