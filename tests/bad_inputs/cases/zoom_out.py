"""Arguments of ``fit-zoom-out``."""

from pathlib import Path

from ..harness import Case, case
from .checkpoints import with_code
from .data import all_of, content, half, remove
from .outputs import holding
from .tables import table

ZOOM = """_base_ = ['wsl.py']
model = dict(inference=dict(class_maps=dict(
    type='mmwsl.ZoomOutMaps', layers=['backbone.layers.0', 'decode_head.convs.0'], scene=False)))
maps = [dict(type='mmwsl.KeepOriginalImage'), dict(type='mmwsl.ComputeSuperpixels', method='slic', n_segments=20)]
test_pipeline = _base_.test_pipeline[:1] + maps + _base_.test_pipeline[2:]
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
"""
FIT = 'fit-zoom-out own.py work/epoch_2.pth'
NEW = f'{FIT} --out new.pth --cache-dir cache'
NOTHING = dict(absent=('new.pth', 'cache'))


def zoom(root: Path) -> None:
    """Write a config of zoom-out features."""
    (root / 'own.py').write_text(ZOOM)


def fit(name: str, command: str, ends: str, *says: str, prepare=None, **more) -> Case:
    """Return a case of a config with zoom-out features."""
    return case(name, command, ends, *says, prepare=all_of(zoom, prepare) if prepare else zoom, **more)


CASES: list[Case] = [
    fit('a good config', f'{NEW} --per-image 5 --iterations 2', 'done', 'new.pth'),
    case('no config', 'fit-zoom-out none.py work/epoch_2.pth', 'rejected', 'none.py'),
    case(
        'no zoom-out features in the config',
        'fit-zoom-out wsl.py work/epoch_2.pth --out new.pth',
        'rejected',
        '`model.inference.class_maps`',
        **NOTHING,
    ),
    case(
        'a config of a training with masks',
        'fit-zoom-out fsl.py supervised/epoch_2.pth --out new.pth',
        'rejected',
        '`model.inference.class_maps`',
        **NOTHING,
    ),
    case('the checkpoint is forgotten', 'fit-zoom-out wsl.py', 'rejected', 'checkpoint'),
    case('config and checkpoint swapped', 'fit-zoom-out work/epoch_2.pth wsl.py', 'rejected', 'Pass CONFIG first'),
    fit('the checkpoint is not there', NEW.replace('work/epoch_2.pth', 'none.pth'), 'rejected', 'none.pth', **NOTHING),
    fit(
        'the checkpoint is of another network',
        NEW.replace('work/', 'supervised/'),
        'rejected',
        'must fit the config',
        **NOTHING,
    ),
    fit('the checkpoint is a folder', NEW.replace('work/epoch_2.pth', 'work'), 'rejected', "'work'", **NOTHING),
    fit(
        'code in the file, without --trust-checkpoint',
        NEW.replace('work/epoch_2.pth', 'bad.pth'),
        'rejected',
        '--trust-checkpoint',
        prepare=with_code,
        absent=('CODE_RAN', 'new.pth'),
    ),
    fit(
        '--trust-checkpoint: an image',
        NEW.replace('work/epoch_2.pth', 'images/00.png') + ' --trust-checkpoint',
        'rejected',
        'images/00.png',
        **NOTHING,
    ),
    fit('--out is a folder', f'{FIT} --out images', 'rejected', '--out', 'images'),
    fit(
        '--out in a folder that is not there',
        f'{FIT} --out none/new.pth',
        'rejected',
        '--out',
        'none/new.pth',
        absent=('none',),
    ),
    fit('--out is there', f'{FIT} --out labels.csv', 'rejected', '--out', 'labels.csv'),
    fit(
        '--overwrite: the checkpoint',
        f'{FIT} --out work/epoch_2.pth --overwrite',
        'rejected',
        '--out',
        'work/epoch_2.pth',
    ),
    fit('--overwrite: the config', f'{FIT} --out own.py --overwrite', 'rejected', '--out', 'own.py'),
    fit('--overwrite: the base of the config', f'{FIT} --out wsl.py --overwrite', 'rejected', '--out', 'wsl.py'),
    fit(
        '--overwrite: half an image keeps the old file',
        f'{NEW} --overwrite',
        'rejected',
        '02.png',
        prepare=all_of(half('images/02.png'), content(b'mine', 'new.pth')),
    ),
    fit(
        '--cache-dir is a file',
        f'{FIT} --out new.pth --cache-dir val.txt',
        'rejected',
        '--cache-dir',
        'val.txt',
        **NOTHING,
    ),
    fit(
        '--cache-dir is the folder of images',
        f'{FIT} --out new.pth --cache-dir images',
        'rejected',
        '--cache-dir',
        'images',
        **NOTHING,
    ),
    fit(
        '--cache-dir is in the folder of masks',
        f'{FIT} --out new.pth --cache-dir masks/new',
        'rejected',
        '--cache-dir',
        absent=('masks/new', 'new.pth'),
    ),
    fit(
        '--cache-dir is a URL',
        f'{FIT} --out new.pth --cache-dir s3://bucket/new',
        'rejected',
        '--cache-dir',
        'must be a folder on a disk',
        absent=('s3:', 'new.pth'),
    ),
    fit('--cache-dir is --out', f'{FIT} --out new.pth --cache-dir new.pth', 'rejected', '--cache-dir', **NOTHING),
    fit(
        '--cache-dir with files of others',
        f'{FIT} --out new.pth --cache-dir mine --per-image 3 --iterations 1',
        'done',
        'SVMs',
        prepare=holding('a.png', 'b/c.txt'),
    ),
    fit('--cache-dir without a value', f'{FIT} --cache-dir', 'rejected', '--cache-dir'),
    fit('--per-image 0', f'{NEW} --per-image 0', 'rejected', '--per-image', **NOTHING),
    fit('--per-image many', f'{NEW} --per-image many', 'rejected', '--per-image', 'many', **NOTHING),
    fit('--iterations 0', f'{NEW} --iterations 0', 'rejected', '--iterations', **NOTHING),
    fit('--iterations 1.5', f'{NEW} --iterations 1.5', 'rejected', '--iterations', '1.5', **NOTHING),
    fit('--every -2', f'{NEW} --every -2', 'rejected', '--every', **NOTHING),
    fit(
        '--every beyond the images',
        f'{NEW} --every 99',
        'rejected',
        'every class must be present in an image',
        absent=('new.pth',),
    ),
    fit('--work-dir is a file', f'{FIT} --work-dir val.txt', 'rejected', 'val.txt'),
    fit(
        '--work-dir is the folder of images',
        f'{FIT} --work-dir images',
        'rejected',
        '--work-dir',
        'images',
        absent=('images/svm.pth', 'images/features'),
    ),
    fit(
        '--cfg-options: misspelled',
        f'{NEW} --cfg-options train_dataloder.batch_size=2',
        'rejected',
        'train_dataloader',
        **NOTHING,
    ),
    fit(
        '--cfg-options: a layer that is not there',
        f'{NEW} --cfg-options model.inference.class_maps.layers=[backbone.nothing]',
        'rejected',
        'backbone.nothing',
        'layers',
        **NOTHING,
    ),
    fit('--launcher slurm', f'{NEW} --launcher slurm', 'rejected', '--launcher', **NOTHING),
    fit('an image is half a file', NEW, 'rejected', '02.png', prepare=half('images/02.png'), absent=('new.pth',)),
    fit('an image is missing', NEW, 'rejected', '02', prepare=remove('images/02.png'), absent=('new.pth',)),
    fit(
        'a class in every image',
        NEW,
        'rejected',
        'got none for circle',
        prepare=table(*(f'{i:02}.png,ring' for i in range(8))),
        absent=('new.pth',),
    ),
    fit(
        'no labels at all',
        NEW,
        'rejected',
        'got none for circle',
        prepare=table(*(f'{i:02}.png,' for i in range(8))),
        absent=('new.pth',),
    ),
]
