"""Finished projects: ``predict``, ``label``, ``report`` and ``export``."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from ..harness import Case, case
from ..sandbox import CLASSES
from .data import Change, half
from .outputs import command
from .own_images import KEPT, gif

PREDICT = 'predict project images --out new'
UNCHANGED = dict(absent=('project/teacher.py', 'project/teacher_trial.py'))


def thresholds(value: object) -> Change:
    """Return a function that writes thresholds as a report exports them, changed."""

    def write(root: Path) -> None:
        (root / 'thresholds.json').write_text(value if isinstance(value, str) else json.dumps(value))

    return write


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
    case('predict: a device without values', f'{PREDICT} --device meta', 'rejected', '--device', 'meta', **KEPT),
    case(
        'report: a damaged list of predictions',
        'report project',
        'done',
        'predictions.jsonl',
        'lines 1, 2',
        prepare=lambda root: (root / 'project/predictions/predictions.jsonl').write_text('{x\n{}\n{"na'),
        changes=('project/report/*', 'project/report/*/*'),
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
    case(
        'predict: one image into a folder with others',
        'predict project images/00.png --out new',
        'done',
        '1 of 1 images have masks in new/masks, beside those of 11 other images',
        prepare=command(PREDICT),
        verify=masks_of(12),
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
    case(
        'label: thresholds without classes',
        'label project --thresholds thresholds.json',
        'rejected',
        "a list 'classes', got no 'classes'",
        prepare=thresholds(dict(thresholds=[0.5])),
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
    case('label: no folder of a teacher', 'label project --teacher none.d', 'rejected', 'none.d', **UNCHANGED),
    case(
        'label: a teacher of weights only',
        'label project --teacher images',
        'rejected',
        'has no config.json',
        **UNCHANGED,
    ),
    case(
        'label: texts without a teacher',
        'label project --prompts labels.csv',
        'rejected',
        '--prompts must be given with --teacher',
        **UNCHANGED,
    ),
    case(
        'label: a precision without a teacher',
        'label project --dtype bfloat16',
        'rejected',
        '--dtype must be given with --teacher',
        **UNCHANGED,
    ),
    case(
        'label: no such precision',
        'label project --teacher work --dtype half',
        'rejected',
        "--dtype: invalid choice: 'half'",
        **UNCHANGED,
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
        'export: an opset that torch does not have',
        'export wsl.py --checkpoint work/epoch_2.pth --out new.onnx --opset 99',
        'rejected',
        '--opset must be in [11, ',
        '99',
        absent=('new.onnx',),
    ),
    case(
        'report: the log of a training is cut off',
        'report project',
        'done',
        prepare=lambda root: [half(str(path))(root) for path in root.glob('project/segmentor/*/vis_data/scalars.json')],
        changes=('project/report/*', 'project/report/*/*'),
    ),
    case(
        'report: the quality of the labels is damaged',
        'report project',
        'rejected',
        'project/labels/quality.json',
        'delete it and run `mmwsl label project`',
        prepare=half('project/labels/quality.json'),
    ),
    case(
        'report: the quality of the labels is gone',
        'label project',
        'done',
        'mmwsl report project',
        prepare=lambda root: (root / 'project/labels/quality.json').unlink(),
    ),
    case(
        'predict: the summary of the project is damaged',
        PREDICT,
        'rejected',
        'project/summary.json',
        'Restore it',
        prepare=half('project/summary.json'),
        **KEPT,
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
