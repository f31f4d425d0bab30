"""The commands: their arguments, what they finish step by step, and their result."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from tests.conftest import REPOSITORY, write_images
from tests.test_apis.test_project.conftest import arguments, write_shapes

from .process import complete

CONFIG = REPOSITORY / 'configs/shapes/wsl_lse_shapes.py'
ONCE = ['train_cfg.max_epochs=1', 'param_scheduler=None']
SHORT = [
    *(f'{part}_dataloader.dataset.length={size}' for part, size in (('train', 32), ('val', 4), ('test', 6))),
    *(f'{part}_dataloader.persistent_workers=False' for part in ('val', 'test')),
    *(f'{part}_dataloader.num_workers=0' for part in ('val', 'test')),
]


@dataclass(frozen=True)
class Case:
    """A command that writes into one folder.

    Attributes:
        argv: Its arguments, given the folder.
        kept: Patterns of the files that are finished work: a repeated command does not make them again.
        result: Function that reads the final result in the folder.
        again: Arguments of the command that continues.
        other: Arguments of a command with another result, which replaces that of the first.
    """

    argv: Callable[[Path], list[str]]
    kept: Sequence[str]
    result: Callable[[Path], dict]
    again: Sequence[str] = ()
    other: Sequence[str] = ('--overwrite',)


def cases(inputs):
    """Write inputs for all commands, and return the cases by name."""
    inputs.mkdir(parents=True, exist_ok=True)
    runs = [_train(inputs / f'seed{seed}', f'randomness.seed={seed}', *ONCE) for seed in (1, 2)]
    for argv in runs:
        complete(argv, inputs / 'train.txt')
    weights = str(inputs / 'seed1/epoch_1.pth')
    data = write_shapes(inputs / 'data')
    images = write_images(inputs / 'new', [f'{index}.png' for index in range(6)], (48, 40))
    masks = _validation_masks(data)
    return dict(
        train=Case(
            lambda out: _train(out, 'param_scheduler.0.end=4'),
            ['*.pth'],
            _checkpoint,
            ['--resume'],
            ['randomness.seed=3', '--overwrite'],
        ),
        labels=Case(
            lambda out: _with_options(
                ['generate-pseudo-labels', f'{CONFIG}', weights, '--out', f'{out}', '--max-images', '12', '--gt-masks'],
                f'work_dir={inputs / "log"}',
            ),
            ['scores/*.npz', 'masks/*.png'],
            _labels,
            other=['--overwrite', '--min-score', '0.3'],
        ),
        run=Case(
            lambda out: arguments(data, out, '--masks', str(masks)),
            ['*/*.pth', '*/scores/**/*.npz', 'labels/masks/**/*.png', 'predictions/masks/**/*.png'],
            _project,
            other=['--overwrite', '--seed', '1'],
        ),
        compare=Case(
            lambda out: _with_options(
                [
                    'compare',
                    *(f'{_pair(inputs, out, seed)}' for seed in (1, 2)),
                    '--out',
                    f'{out}/table',
                    '--num-images',
                    '2',
                ]
            ),
            ['seed*/comparison/*/result.json'],
            _comparison,
            other=['--overwrite', '--num-images', '1'],
        ),
        predict=Case(
            lambda out: ['predict', str(CONFIG), f'{images}', '--checkpoint', weights, '--out', f'{out}', '--scores'],
            ['masks/*.png'],
            lambda out: _files(out, 'masks/*.png', 'scores/*.npz'),
        ),
    )


def _validation_masks(data):
    """Copy the masks of the validation images into a folder of their own."""
    folder = data.root / 'val_masks'
    folder.mkdir()
    for name in data.val:
        file = f'{name if name.startswith("same") else name[:-4]}.png'
        (folder / file).write_bytes((data.root / 'masks' / file).read_bytes())
    return folder


def _with_options(argv, *options):
    return [*argv, '--cfg-options', *SHORT, *options]


def _train(out, *options):
    return _with_options(['train', str(CONFIG), '--work-dir', str(out)], *options)


def _pair(inputs, out, seed):
    """Copy a checkpoint, beside which the results are stored, and return the argument for it."""
    source, copy = inputs / f'seed{seed}', out / f'seed{seed}'
    if not copy.exists():
        copy.mkdir(parents=True)
        (copy / 'epoch_1.pth').write_bytes((source / 'epoch_1.pth').read_bytes())
        (copy / f'seed{seed}.py').write_bytes((source / CONFIG.name).read_bytes())
    return copy


def _files(folder, *patterns):
    """Return the content of images and arrays, by path."""
    content = {}
    for path in sorted(path for pattern in patterns for path in folder.glob(pattern)):
        if path.suffix == '.npz':
            with np.load(path) as arrays:
                value = {name: arrays[name].tolist() for name in arrays.files}
        else:
            value = np.asarray(Image.open(path)).tolist()
        content[str(path.relative_to(folder))] = value
    return content


def _checkpoint(folder):
    """Return weights, optimizer and schedule of the last checkpoint, and the last metrics."""
    note = Path(folder, 'last_checkpoint').read_text()
    content = torch.load(folder / Path(note).name, weights_only=True)
    lines = [line for log in sorted(folder.glob('*/vis_data/scalars.json')) for line in log.read_text().splitlines()]
    metrics = [found for found in map(_parsed, lines) if 'mIoU' in found or 'mAP' in found]
    state = {key: content[key] for key in ('state_dict', 'optimizer', 'param_schedulers')}
    final = {key: value for key, value in metrics[-1].items() if 'time' not in key} if metrics else {}
    return dict(last=Path(note).name, metrics=final, **state)


def _parsed(line):
    try:
        return json.loads(line)
    except ValueError:  # the last line of a killed run
        return {}


def _labels(folder):
    quality, manifest = (json.loads((folder / name).read_text()) for name in ('quality.json', 'manifest.json'))
    return dict(quality=quality, manifest=manifest, **_files(folder, 'scores/*.npz', 'masks/*.png'))


def _project(folder):
    summary = json.loads((folder / 'summary.json').read_text())
    for stage in summary.values():
        if isinstance(stage, dict):
            stage.pop('seconds', None)
    masks = ('labels/masks/**/*.png', 'labels/scores/**/*.npz', 'predictions/masks/**/*.png')
    trained = {part: _checkpoint(folder / part) for part in ('checkpoints', 'segmentor')}
    # A stage that was interrupted after its training evaluates again: the metrics stand in the summary.
    for part in trained.values():
        part.pop('metrics')
    pages = sorted(path.relative_to(folder).as_posix() for path in (folder / 'report').rglob('*') if path.is_file())
    return dict(summary=summary, pages=pages, **trained, **_files(folder, *masks))


def _comparison(folder):
    rows = json.loads((folder / 'table/comparison.json').read_text())
    rows = rows['runs'] if isinstance(rows, dict) else rows
    for row in rows:
        row.pop('images_per_second')
    return dict(rows=rows, **_files(folder, 'table/images.png', 'seed*/comparison/*/*.png'))
