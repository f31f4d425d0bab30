"""Names of images that no text file can hold."""

import os
from pathlib import Path

from ..harness import Case, case
from .own_images import DATA, RUN
from .projects import PREDICT

NAME, FOLDER = b'caf\xe9.png', b'd\xe9'
OUT = os.fsdecode(FOLDER)


def not_utf8(root: Path) -> None:
    """Rename an image of the validation and its mask."""
    for folder in ('images', 'masks'):
        os.rename(os.fsencode(root / folder / '08.png'), os.path.join(os.fsencode(root), folder.encode(), NAME))


def folder_not_utf8(root: Path) -> None:
    """Rename the folder of images."""
    os.rename(root / 'images', os.path.join(os.fsencode(root), FOLDER))


CASES: list[Case] = [
    *(
        case(f'not UTF-8: {name}', command, 'rejected', r'd\udce9', 'UTF-8', prepare=prepare, absent=('new',))
        for name, command, prepare in (
            ('the folder of images of run', RUN.replace('images', OUT), folder_not_utf8),
            ('run --out', RUN.replace('--out new', f'--out {OUT}'), None),
            ('train --work-dir', f'train wsl.py --work-dir {OUT}', None),
            ('predict --out', PREDICT.replace('new', OUT), None),
        )
    ),
    *(
        case(f'not UTF-8: {name}', command, 'rejected', r'caf\udce9.png', 'Rename', prepare=not_utf8, absent=('new',))
        for name, command in {
            'check': 'check images --labels labels.csv',
            'run': RUN,
            'masks of run': f'check {DATA} --masks masks',
            'predict': PREDICT,
            'predict: a file': f'predict project images/{os.fsdecode(NAME)} --out new',
            'test': 'test wsl.py work/epoch_2.pth --out new',
            'labels': 'generate-pseudo-labels wsl.py work/epoch_2.pth --out new --split val --cfg-options '
            'val_dataloader.dataset.label_file= --no-use-image-labels',
        }.items()
    ),
]
