"""The commands: their arguments, what they finish step by step, and their result."""

import json
from pathlib import Path

import torch

from tests.conftest import write_images
from tests.test_apis.test_project.conftest import arguments, write_shapes

from .case import CONFIG, ONCE, Case, files_content, with_options
from .process import complete
from .writers import writers


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
    found = dict(
        train=Case(
            lambda out: _train(out, 'param_scheduler.0.end=4'),
            ['*.pth'],
            _checkpoint,
            ['--resume'],
            ['randomness.seed=3', '--overwrite'],
        ),
        labels=Case(
            lambda out: with_options(
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
            lambda out: with_options(
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
            lambda out: files_content(out, 'masks/*.png', 'scores/*.npz'),
        ),
    )
    return found | writers(inputs, weights, images)


def _validation_masks(data):
    """Copy the masks of the validation images into a folder of their own."""
    folder = data.root / 'val_masks'
    folder.mkdir()
    for name in data.val:
        file = f'{name if name.startswith("same") else name[:-4]}.png'
        (folder / file).write_bytes((data.root / 'masks' / file).read_bytes())
    return folder


def _train(out, *options):
    return with_options(['train', str(CONFIG), '--work-dir', str(out)], *options)


def _pair(inputs, out, seed):
    """Copy a checkpoint, beside which the results are stored, and return the argument for it."""
    source, copy = inputs / f'seed{seed}', out / f'seed{seed}'
    if not copy.exists():
        copy.mkdir(parents=True)
        (copy / 'epoch_1.pth').write_bytes((source / 'epoch_1.pth').read_bytes())
        (copy / f'seed{seed}.py').write_bytes((source / CONFIG.name).read_bytes())
    return copy


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
    return dict(quality=quality, manifest=manifest, **files_content(folder, 'scores/*.npz', 'masks/*.png'))


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
    return dict(summary=summary, pages=pages, **trained, **files_content(folder, *masks))


def _comparison(folder):
    rows = json.loads((folder / 'table/comparison.json').read_text())
    rows = rows['runs'] if isinstance(rows, dict) else rows
    for row in rows:
        row.pop('images_per_second')
    return dict(rows=rows, **files_content(folder, 'table/images.png', 'seed*/comparison/*/*.png'))
