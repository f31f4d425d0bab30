"""The commands: their arguments, what they finish step by step, and their result."""

import json

from tests.conftest import write_images

from .case import CONFIG, ONCE, Case, checkpoint, files_content, with_options
from .process import complete
from .projects import projects
from .writers import writers

WIDE = [
    'model.decode_head.hidden_channels=(4096,)',
    *(f'train_dataloader.{part}' for part in ('batch_size=4', 'dataset.length=8')),
]
"""Settings of checkpoints of 4 MB, which take some time to write, and of few images."""


def cases(inputs):
    """Write inputs for all commands, and return the cases by name."""
    inputs.mkdir(parents=True, exist_ok=True)
    runs = [_train(inputs / f'seed{seed}', f'randomness.seed={seed}', *ONCE) for seed in (1, 2)]
    for argv in runs:
        complete(argv, inputs / 'train.txt')
    weights = str(inputs / 'seed1/epoch_1.pth')
    images = write_images(inputs / 'new', [f'{index}.png' for index in range(6)], (48, 40))
    found = dict(
        train=Case(
            lambda out: _train(out, 'param_scheduler.0.end=4', *WIDE),
            ['*.pth'],
            checkpoint,
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
    return found | projects(inputs) | writers(inputs, weights, images)


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


def _labels(folder):
    quality, manifest = (json.loads((folder / name).read_text()) for name in ('quality.json', 'manifest.json'))
    return dict(quality=quality, manifest=manifest, **files_content(folder, 'scores/*.npz', 'masks/*.png'))


def _comparison(folder):
    rows = json.loads((folder / 'table/comparison.json').read_text())
    rows = rows['runs'] if isinstance(rows, dict) else rows
    for row in rows:
        row.pop('images_per_second')
    return dict(rows=rows, **files_content(folder, 'table/images.png', 'seed*/comparison/*/*.png'))
