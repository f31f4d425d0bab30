"""Own images: ``run``, and ``check`` and ``predict`` where they differ from others."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from ..harness import Case, case
from .data import Change, all_of, content, half, mask, remove
from .tables import rows, table

DATA = 'images --labels labels.csv --val val.txt'
CHECK = f'check {DATA} --masks masks'
RUN = f'run {DATA} --masks masks --out new --no-pretrained --epochs 1'
KEPT = dict(absent=('new',))
EVERYTHING = ('project/*', 'project/*/*', 'project/*/*/*', 'project/*/*/*/*')


def labels(change: Callable[[str], str]) -> Change:
    """Return a function that changes the table of all labels."""
    return rows(change, 'labels.csv')


def gif(root: Path) -> None:
    """Add an image of a format that is not read."""
    Image.open(root / 'images/00.png').convert('P').save(root / 'images/extra.gif')


CASES: list[Case] = [
    case(
        'predict: a link to an image that is gone',
        'predict project images --out new',
        'failed',
        'gone.png',
        prepare=lambda root: (root / 'images/gone.png').symlink_to(root / 'nowhere.png'),
    ),
    case(
        'run: a mask is a link to a file that is gone',
        RUN,
        'rejected',
        '08.png cannot be read (it is a link to a missing file)',
        prepare=all_of(remove('masks/08.png'), lambda root: (root / 'masks/08.png').symlink_to('nowhere.png')),
        **KEPT,
    ),
    case(
        'run: the checkpoint of a finished stage is gone',
        RUN.replace('--out new', '--out project'),
        'rejected',
        'is missing or damaged',
        prepare=lambda root: [path.unlink() for path in (root / 'project/segmentor').glob('*.pth')],
        changes=EVERYTHING,
    ),
    *(
        item
        for name, command in (('check', CHECK), ('run', RUN))
        for item in (
            case(f'{name}: no folder of images', command.replace('images', 'none'), 'rejected', 'none', **KEPT),
            case(
                f'{name}: a file in place of the folder',
                command.replace('images', 'images/00.png'),
                'rejected',
                'images/00.png',
                **KEPT,
            ),
            case(
                f'{name}: the folder is empty',
                command,
                'rejected',
                'images',
                prepare=all_of(remove('images'), lambda root: (root / 'images').mkdir()),
                **KEPT,
            ),
            case(f'{name}: no table', command.replace('labels.csv', 'none.csv'), 'rejected', 'none.csv', **KEPT),
            case(
                f'{name}: an empty table', command, 'rejected', 'labels.csv', prepare=content(b'', 'labels.csv'), **KEPT
            ),
            case(
                f'{name}: a table of other images',
                command,
                'rejected',
                'labels.csv',
                prepare=table('x.png,ring', 'y.png,star', file='labels.csv'),
                **KEPT,
            ),
            case(
                f'{name}: no list of validation images',
                command.replace('val.txt', 'none.txt'),
                'rejected',
                'none.txt',
                **KEPT,
            ),
            case(
                f'{name}: unknown validation images',
                command,
                'rejected',
                'val.txt',
                prepare=content(b'zz.png\nyy.png\n', 'val.txt'),
                **KEPT,
            ),
            case(
                f'{name}: the list of validation images is empty',
                command,
                'rejected',
                'val.txt',
                prepare=content(b'', 'val.txt'),
                **KEPT,
            ),
            case(
                f'{name}: no folder of masks', command.replace('masks masks', 'masks none'), 'rejected', 'none', **KEPT
            ),
            case(
                f'{name}: a mask of another size',
                command,
                'rejected',
                '08.png',
                prepare=mask(np.zeros((20, 30), np.uint8)),
                **KEPT,
            ),
            case(
                f'{name}: a mask with id 200',
                command,
                'rejected',
                '08.png',
                '200',
                prepare=mask(np.full((48, 48), 200, np.uint8)),
                **KEPT,
            ),
            case(f'{name}: no such column', f'{command} --label-column kind', 'rejected', 'kind', **KEPT),
            case(f'{name}: no such column of images', f'{command} --image-column file', 'rejected', 'file', **KEPT),
        )
    ),
    case('run: no epochs', RUN.replace('epochs 1', 'epochs 0'), 'rejected', '--epochs', **KEPT),
    case('run: epochs in words', RUN.replace('epochs 1', 'epochs many'), 'rejected', '--epochs', **KEPT),
    case('run: epochs are NaN', RUN.replace('epochs 1', 'epochs nan'), 'rejected', '--epochs', **KEPT),
    case('run: negative time', RUN.replace('--epochs 1', '--time -3'), 'rejected', '--time', **KEPT),
    case('run: epochs and time', f'{RUN} --time 3', 'rejected', '--time', **KEPT),
    case('run: an unknown preset', f'{RUN} --preset slow', 'rejected', '--preset', 'fast', 'best', **KEPT),
    case('run: a negative seed', f'{RUN} --seed -1', 'rejected', '--seed', **KEPT),
    case('run: an unknown backbone', f'{RUN} --backbone vgg99', 'rejected', 'vgg99', **KEPT),
    case('run: --out is the folder of images', RUN.replace('--out new', '--out images'), 'rejected', 'images'),
    case(
        'run: --out is in the folder of images',
        RUN.replace('--out new', '--out images/new'),
        'rejected',
        'images',
        absent=('images/new',),
    ),
    case('run: --out holds other files', RUN.replace('--out new', '--out masks'), 'rejected', 'masks'),
    case('run: --out is a file', RUN.replace('--out new', '--out val.txt'), 'rejected', 'val.txt'),
    case(
        'run: --out is a project of other images',
        'run other --labels labels.csv --out project --no-pretrained --epochs 1',
        'rejected',
        '--overwrite',
        prepare=lambda root: shutil.copytree(root / 'images', root / 'other'),
    ),
    case(
        'run: --out is a project with other epochs',
        'run images --labels labels.csv --val val.txt --masks masks --out project --no-pretrained --epochs 2',
        'rejected',
        '--overwrite',
    ),
    case(
        'run: the finished project again',
        'run images --labels labels.csv --val val.txt --masks masks --out project --no-pretrained --epochs 1',
        'done',
        changes=EVERYTHING,
        slow=True,
    ),
    case('run: one damaged image', RUN, 'done', '02.png', prepare=half('images/02.png'), slow=True),
    case(
        'run: one image',
        'run images --labels labels.csv --out new --no-pretrained --epochs 1',
        'rejected',
        'image',
        prepare=all_of(
            remove('images'),
            lambda root: (root / 'images').mkdir(),
            lambda root: Image.new('RGB', (40, 40)).save(root / 'images/00.png'),
            table('00.png,ring', file='labels.csv'),
        ),
        **KEPT,
    ),
    case(
        'run: all images are validation images',
        RUN,
        'rejected',
        'left for training',
        prepare=lambda root: (root / 'val.txt').write_text(
            '\n'.join(line.split(',')[0] for line in (root / 'labels.csv').read_text().splitlines()[1:]) + '\n'
        ),
        **KEPT,
    ),
]
