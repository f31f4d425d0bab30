"""Own images: ``check``, ``run``, ``predict``, ``label``, ``report`` and ``export``."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from ..harness import Case, case
from ..sandbox import CLASSES
from .data import Change, all_of, content, half, mask, remove, rows, table

DATA = 'images --labels labels.csv --val val.txt'
CHECK = f'check {DATA} --masks masks'
RUN = f'run {DATA} --masks masks --out new --no-pretrained --epochs 1'
PREDICT = 'predict project images --out new'
KEPT = dict(absent=('new',))
EVERYTHING = ('project/*', 'project/*/*', 'project/*/*/*', 'project/*/*/*/*')


def labels(change: Callable[[str], str]) -> Change:
    """Return a function that changes the table of all labels."""
    return rows(change, 'labels.csv')


def thresholds(value: object) -> Change:
    """Return a function that writes thresholds as a report exports them, changed."""

    def write(root: Path) -> None:
        (root / 'thresholds.json').write_text(value if isinstance(value, str) else json.dumps(value))

    return write


def gif(root: Path) -> None:
    """Add an image of a format that is not read."""
    Image.open(root / 'images/00.png').convert('P').save(root / 'images/extra.gif')


def equal_stems(root: Path) -> None:
    """Add images with equal stems, in another format and another folder."""
    for name in ('images/00.jpg', 'images/a/00.png'):
        (root / name).parent.mkdir(exist_ok=True)
        Image.open(root / 'images/01.png').save(root / name)


def masks_of(count: int) -> Callable[[Path], None]:
    """Return a function that checks the number of masks that were written."""

    def verify(root: Path) -> None:
        found = [path for path in (root / 'new').rglob('*.png')]
        assert len(found) == count, f'{len(found)} masks instead of {count}'

    return verify


def unfinished(root: Path) -> None:
    """Remove what a project has after its classifier."""
    for name in ('segmentor', 'labels', 'summary.json', 'predictions'):
        target = root / 'project' / name
        shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)


CASES: list[Case] = [
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
    case('check: damaged image', CHECK, 'done', '02.png', prepare=half('images/02.png')),
    case('check: image of zero bytes', CHECK, 'done', '02.png', prepare=content(b'', 'images/02.png')),
    case('check: a .gif', CHECK, 'done', 'extra.gif', prepare=gif),
    case(
        'check: image without labels',
        CHECK,
        'done',
        '02',
        prepare=labels(lambda text: '\n'.join(line for line in text.splitlines() if not line.startswith('02')) + '\n'),
    ),
    case(
        'check: labels of an image that is not there',
        CHECK,
        'done',
        'gone',
        prepare=labels(lambda text: f'{text}gone.png,ring\n'),
    ),
    case(
        'check: two spellings of a class',
        CHECK,
        'done',
        'Circle',
        prepare=labels(lambda text: text.replace('circle', 'Circle', 1)),
    ),
    case(
        'check: an image twice with other labels',
        CHECK,
        'rejected',
        '02',
        prepare=labels(lambda text: f'{text}02.png,ring\n02.png,star\n'),
    ),
    case(
        'check: an image under two names',
        CHECK,
        'done',
        'copy',
        prepare=all_of(
            lambda root: shutil.copy(root / 'images/02.png', root / 'images/copy.png'),
            labels(lambda text: f'{text}copy.png,ring\n'),
        ),
    ),
    case(
        'check: one class in every image',
        f'check {DATA}',
        'done',
        'every',
        prepare=labels(
            lambda text: (
                '\n'.join([text.splitlines()[0], *(f'{line.split(",")[0]},circle' for line in text.splitlines()[1:])])
                + '\n'
            )
        ),
    ),
    case('check: an unknown argument', f'{CHECK} --fast', 'rejected', '--fast'),
    case('run: no epochs', RUN.replace('epochs 1', 'epochs 0'), 'rejected', '--epochs', **KEPT),
    case('run: epochs in words', RUN.replace('epochs 1', 'epochs many'), 'rejected', '--epochs', **KEPT),
    case('run: epochs are NaN', RUN.replace('epochs 1', 'epochs nan'), 'rejected', '--epochs', **KEPT),
    case('run: negative time', RUN.replace('--epochs 1', '--time -3'), 'rejected', '--time', **KEPT),
    case('run: epochs and time', f'{RUN} --time 3', 'rejected', '--time', **KEPT),
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
    case('predict: no project', 'predict none images --out new', 'rejected', 'none', **KEPT),
    case('predict: a folder that is no project', 'predict images images --out new', 'rejected', 'images', **KEPT),
    case(
        'predict: an unfinished project',
        PREDICT,
        'rejected',
        'project',
        prepare=lambda root: (unfinished(root), shutil.rmtree(root / 'project/checkpoints')),
        **KEPT,
    ),
    case('predict: no images', 'predict project none --out new', 'rejected', 'none', **KEPT),
    case(
        'predict: a folder without images',
        'predict project pages --out new',
        'rejected',
        'pages',
        prepare=lambda root: (root / 'pages').mkdir(),
        **KEPT,
    ),
    case(
        'predict: one damaged image',
        PREDICT,
        'failed',
        '02.png',
        '11 of 12',
        prepare=half('images/02.png'),
        verify=masks_of(11),
    ),
    case(
        'predict: an image of 1x1',
        PREDICT,
        'done',
        '12 of 12',
        prepare=lambda root: Image.new('RGB', (1, 1)).save(root / 'images/02.png'),
    ),
    case('predict: a .gif beside the images', PREDICT, 'done', 'extra.gif', prepare=gif),
    case('predict: equal stems', PREDICT, 'done', '14 of 14', prepare=equal_stems, verify=masks_of(14)),
    case('predict: --out is the folder of images', 'predict project images --out images', 'rejected', 'images'),
    case('predict: --out holds other files', 'predict project images --out masks', 'rejected', 'masks'),
    case('predict: --out is a file', 'predict project images --out val.txt', 'rejected', 'val.txt'),
    case('predict: an unknown format', f'{PREDICT} --format tiff', 'rejected', '--format', **KEPT),
    case('predict: batch size 0', f'{PREDICT} --batch-size 0', 'rejected', '--batch-size', **KEPT),
    case('predict: -1 workers', f'{PREDICT} --workers -1', 'rejected', '--workers', **KEPT),
    case('predict: an unknown device', f'{PREDICT} --device tpu9', 'rejected', 'tpu9', **KEPT),
    case('predict: a GPU that is not there', f'{PREDICT} --device cuda:7', 'rejected', 'cuda:7', **KEPT),
    case('predict: a config without a checkpoint', 'predict wsl.py images --out new', 'rejected', 'checkpoint', **KEPT),
    case('label: no project', 'label none', 'rejected', 'none'),
    case('label: a folder that is no project', 'label images', 'rejected', 'images'),
    case('label: no thresholds', 'label project --thresholds none.json', 'rejected', 'none.json'),
    case(
        'label: thresholds are no JSON',
        'label project --thresholds thresholds.json',
        'rejected',
        'thresholds.json',
        prepare=thresholds('{'),
    ),
    case(
        'label: thresholds are a list',
        'label project --thresholds thresholds.json',
        'rejected',
        'thresholds.json',
        prepare=thresholds([1, 2]),
    ),
    case(
        'label: thresholds of nothing',
        'label project --thresholds thresholds.json',
        'rejected',
        'thresholds.json',
        prepare=thresholds({}),
    ),
    case('label: thresholds are a table', 'label project --thresholds labels.csv', 'rejected', 'labels.csv'),
    case(
        'label: thresholds are true or false',
        'label project --thresholds thresholds.json',
        'rejected',
        'thresholds.json',
        prepare=thresholds(dict(classes=list(CLASSES), thresholds=[True] * 6)),
    ),
    case(
        'label: one threshold too many, which is true',
        'label project --thresholds thresholds.json',
        'rejected',
        'thresholds.json',
        prepare=thresholds(dict(classes=list(CLASSES), thresholds=[True] + [0.5] * 6)),
    ),
    case('report: no project', 'report none', 'rejected', 'none'),
    case('report: a folder that is no project', 'report images', 'rejected', 'images'),
    case('export: no project', 'export none --out new.onnx', 'rejected', 'none', absent=('new.onnx',)),
    case('export: --out is a folder', 'export project --out images', 'rejected', 'images'),
    case(
        'export: --out in a folder that is not there',
        'export wsl.py --checkpoint work/epoch_2.pth --out none/new.onnx',
        'rejected',
        'none/new.onnx',
    ),
    case(
        'export: an old opset',
        'export wsl.py --checkpoint work/epoch_2.pth --out new.onnx --opset 3',
        'rejected',
        'opset',
        absent=('new.onnx',),
    ),
    case('doctor: an unknown argument', 'doctor --fast', 'rejected', '--fast'),
]
