"""Output folders and files: what is there already is not lost, and results do not mix."""

import os
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from ..harness import Case, case, run
from .data import all_of, content

TEST = 'test wsl.py work/epoch_2.pth'
LABEL = 'generate-pseudo-labels wsl.py work/epoch_2.pth'
TUNE = 'tune-thresholds wsl.py work/epoch_2.pth'


def holding(*names: str) -> Callable[[Path], None]:
    """Return a function that makes a folder with files of somebody else."""

    def make(root: Path) -> None:
        for name in names:
            path = root / 'mine' / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new('L', (9, 9)).save(path) if name.endswith('png') else path.write_text('mine')

    return make


def masks_by_folder(root: Path) -> None:
    """Check that the masks of images in subfolders are apart."""
    names = sorted(path.relative_to(root / 'new').as_posix() for path in (root / 'new').rglob('*.png'))
    assert [name for name in names if name.endswith('sub/00.png')], names
    assert len(names) == 4, names


def two_masks(root: Path) -> None:
    """Check that the masks of an earlier run are gone."""
    names = [path.name for path in (root / 'new').rglob('*.png')]
    assert len(names) == 2, names


def command(line: str) -> Callable[[Path], None]:
    """Return a function that runs a command that must succeed."""

    def execute(root: Path) -> None:
        code, out, err = run(shlex.split(line), root)
        assert not code, out + err

    return execute


def other_masks(root: Path) -> None:
    """Replace all masks after a comparison."""
    command('compare work --out new')(root)
    for path in (root / 'masks').rglob('*.png'):
        Image.fromarray(np.zeros_like(np.asarray(Image.open(path)))).save(path)


def cells_of_the_table(root: Path) -> None:
    """Check that every row of the table has as many cells as the header."""
    rows = [line for line in (root / 'new/comparison.md').read_text().splitlines() if line.startswith('|')]
    assert len({line.replace('\\|', '').count('|') for line in rows}) == 1, rows


CASES: list[Case] = [
    *(
        case(
            f'{name}: {where}',
            f'{command} {option} {folder}',
            'rejected',
            folder,
            prepare=holding('a.png', 'b/c.txt') if folder == 'mine' else None,
        )
        for name, command, option in (
            ('test --out', TEST, '--out'),
            ('test --show-dir', TEST, '--show-dir'),
            ('labels', LABEL, '--out'),
            ('compare', 'compare work', '--out'),
            ('train', 'train wsl.py', '--work-dir'),
        )
        for where, folder in (
            ('the folder of masks', 'masks'),
            ('the folder of images', 'images'),
            ('in the folder of images', 'images/new'),
            ('a folder with other files', 'mine'),
            ('a file', 'val.txt'),
            ('in a file', 'val.txt/new'),
        )
        if not (name == 'train' and folder == 'mine')
    ),
    case('test --out: subfolders', f'{TEST} --out new', 'done', verify=masks_by_folder),
    case('test --out twice', f'{TEST} --out new', 'rejected', '--overwrite', prepare=command(f'{TEST} --out new')),
    case(
        'test --out twice with --overwrite: other images',
        f'{TEST} --out new --overwrite --cfg-options test_dataloader.dataset.indices=2',
        'done',
        prepare=command(f'{TEST} --out new'),
        changes=('new/*', 'new/*/*', 'work_dirs/*/*/*.py'),
        verify=two_masks,
    ),
    case(
        'labels into a folder whose image list changed',
        f'{LABEL} --out pseudo --max-images 3',
        'done',
        changes=('pseudo/manifest.json', 'pseudo/quality.json'),
    ),
    case(
        'labels into a finished folder of other settings',
        f'{LABEL} --out pseudo --fg-threshold 0.9',
        'rejected',
        'pseudo',
    ),
    case('labels into a finished folder of another split', f'{LABEL} --out pseudo --split val', 'rejected', 'pseudo'),
    case('labels into the same folder', f'{LABEL} --out pseudo', 'done'),
    case(
        'a finished training is resumed',
        'train wsl.py --work-dir work --resume',
        'done',
        'nothing is trained',
        changes=('work/*', 'work/*/*', 'work/*/*/*'),
    ),
    case(
        'compare a copied work folder without its checkpoints',
        'compare copy --out new --max-images 1',
        'rejected',
        "run 'copy' has no complete checkpoint",
        prepare=lambda root: shutil.copytree(root / 'work', root / 'copy', ignore=shutil.ignore_patterns('*.pth')),
    ),
    case('train into a finished work folder', 'train wsl.py --work-dir work', 'rejected', '--resume', '--overwrite'),
    *(
        case(
            f'train{option}: last_checkpoint is a folder',
            f'train wsl.py --work-dir new{option}',
            'rejected',
            'new/last_checkpoint',
            'Move it away',
            prepare=lambda root: (root / 'new/last_checkpoint').mkdir(parents=True),
        )
        for option in ('', ' --resume', ' --overwrite')
    ),
    case('train another network into a finished work folder', 'train fsl.py --work-dir work', 'rejected', 'work'),
    case('test into the work folder of a training', f'{TEST} --work-dir work', 'done', changes=('work/none',)),
    case(
        'compare after the masks were replaced',
        'compare work --out new',
        'done',
        prepare=other_masks,
        changes=('new/*', 'new/*/*', 'new/*/*/*'),
        verify=lambda root: _uncached(root),
    ),
    case(
        'compare after the data were deleted',
        'compare work --out new',
        'rejected',
        'images',
        prepare=all_of(other_masks, lambda root: shutil.rmtree(root / 'images')),
        changes=('new/*', 'new/*/*', 'new/*/*/*'),
    ),
    case('thresholds --out is a folder', f'{TUNE} --out images', 'rejected', 'images'),
    case(
        'thresholds --out in a folder that is not there',
        f'{TUNE} --out none/new.json',
        'rejected',
        'none/new.json',
        absent=('none',),
    ),
    case('thresholds --out in a file', f'{TUNE} --out val.txt/new.json', 'rejected', 'val.txt'),
    case('thresholds --out is a file of somebody else', f'{TUNE} --out labels.csv', 'rejected', 'labels.csv'),
    case('thresholds --out is the checkpoint', f'{TUNE} --out work/epoch_2.pth', 'rejected', 'work/epoch_2.pth'),
    case('print-config --out is a folder', 'print-config wsl.py --out images', 'rejected', 'images'),
    case(
        'print-config --out is what its config inherits from',
        'print-config fsl.py --out wsl.py --overwrite',
        'rejected',
        'wsl.py',
    ),
    case('print-config --out is its own config', 'print-config wsl.py --out wsl.py', 'rejected', 'wsl.py'),
    case(
        'print-config --out is no config',
        'print-config wsl.py --out new.txt',
        'rejected',
        'new.txt',
        absent=('new.txt',),
    ),
    case('print-config --out is full', 'print-config wsl.py --out /dev/full', 'rejected', '/dev/full'),
    case(
        'export --out is a file of somebody else',
        'export wsl.py --checkpoint work/epoch_2.pth --out labels.csv',
        'rejected',
        'labels.csv',
    ),
    case(
        'export --out is the checkpoint',
        'export wsl.py --checkpoint work/epoch_2.pth --out work/epoch_2.pth',
        'rejected',
        'work/epoch_2.pth',
    ),
    case(
        'a folder without permission',
        f'{TEST} --out locked/new',
        'rejected',
        'locked',
        prepare=lambda root: (root / 'locked').mkdir(mode=0o500),
    )
    if os.geteuid()
    else case('a folder of the system', f'{TEST} --out /proc/new', 'rejected', '/proc/new'),
    case('a name of 300 characters', f'{TEST} --out {"n" * 300}', 'rejected', 'nnn'),
    case(
        'a link to the folder of masks',
        f'{TEST} --out link',
        'rejected',
        'link',
        prepare=lambda root: os.symlink('masks', root / 'link'),
    ),
    case(
        'a case of a path that leads to the masks',
        f'{TEST} --out new/../masks',
        'rejected',
        'masks',
        prepare=content(b'', 'x'),
    ),
    case(
        'the config writes masks over the true ones',
        TEST,
        'rejected',
        'test_evaluator.output_dir',
        prepare=lambda root: (root / 'wsl.py').write_text(
            (root / 'wsl.py').read_text() + "test_evaluator = dict(_delete_=True, type='IoUMetric', output_dir='masks')"
        ),
    ),
    case(
        'the config writes checkpoints beside the images',
        'train wsl.py --work-dir new --cfg-options default_hooks.checkpoint.out_dir=images',
        'rejected',
        'default_hooks.checkpoint.out_dir',
        absent=('new',),
    ),
    case(
        'the config writes logs beside the images',
        'train wsl.py --work-dir new --cfg-options default_hooks.logger.out_dir=images',
        'rejected',
        'default_hooks.logger.out_dir',
        absent=('new',),
    ),
    case('labels log among the masks', f'{LABEL} --out new --work-dir masks', 'rejected', '--work-dir', 'masks'),
    case(
        'test --out is the work folder',
        f'{TEST} --out new --work-dir ./new',
        'rejected',
        '--out and --work-dir must be different folders',
        absent=('new',),
    ),
    case('the work folder is that of the config', f'{TEST} --work-dir .', 'done', 'mIoU'),
    case(
        'export --out is a file of the project',
        'export project --out project/summary.json --overwrite',
        'rejected',
        'project/summary.json',
    ),
    case(
        'compare: a run with a bar in its name',
        "compare 'a|b' --out new",
        'done',
        'new',
        prepare=lambda root: shutil.copytree(root / 'work', root / 'a|b'),
        verify=cells_of_the_table,
    ),
    case(
        'train: a folder with a blank',
        "train wsl.py --work-dir 'new folder'",
        'done',
        "mmwsl test wsl.py 'new folder/epoch_2.pth'",
    ),
    *(
        case(
            f'a URL as the folder of {line.split()[0]}', line, 'rejected', 'must be a folder on a disk', absent=('s3:',)
        )
        for line in (
            'predict project images --out s3://bucket/new',
            'train wsl.py --work-dir s3://bucket/new',
            f'{TEST} --show-dir s3://bucket/new --work-dir log',
        )
    ),
    case('an empty argument', 'predict project "" --out new', 'rejected', 'must not be empty', absent=('new',)),
    case('an empty output', "predict project images --out ''", 'rejected', '--out: must not be empty'),
]


def _uncached(root: Path) -> None:
    """Check that the table holds the value on the new masks: background only."""
    text = ' '.join(path.read_text(errors='replace') for path in (root / 'new').rglob('*.md'))
    assert '5.07' not in text, 'the row of the old masks'
