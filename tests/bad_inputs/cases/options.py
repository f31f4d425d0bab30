"""Options that several commands share, and those of the commands that are not named elsewhere."""

from pathlib import Path

from mmwsl.apis.config import find_config

from ..harness import Case, case
from .checkpoints import FOREIGN, half
from .outputs import command
from .own_images import CHECK, RUN

CHECKPOINT = 'wsl.py work/epoch_2.pth'
LABEL = f'generate-pseudo-labels {CHECKPOINT} --out new'
TUNE = f'tune-thresholds {CHECKPOINT} --out new.json'
ZOOM = 'fit-zoom-out zoom.py work/epoch_2.pth'
EXPORT = 'export wsl.py --checkpoint work/epoch_2.pth --out new.onnx'
PREDICT = 'predict wsl.py images --checkpoint work/epoch_2.pth --out new'
ABSENT = dict(absent=('new', 'new.json', 'new.onnx', 'work_dirs'))


def zoom_config(root: Path) -> None:
    """Write a config with zoom-out features of superpixels."""
    (root / 'zoom.py').write_text(f"""_base_ = ['{find_config('wsl_lse_shapes')}']
maps = dict(type='mmwsl.ZoomOutMaps', layers=['backbone.layers.0'], scene=False, svm='none.pth')
model = dict(inference=dict(class_maps=maps, postprocessors=[dict(type='mmwsl.SuperpixelCRF')]))
superpixels = [dict(type='mmwsl.KeepOriginalImage'), dict(type='mmwsl.ComputeSuperpixels', method='slic')]
test_pipeline = _base_.test_pipeline[:1] + superpixels + _base_.test_pipeline[1:]
train_dataloader = dict(num_workers=0, persistent_workers=False)
val_dataloader = test_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(pipeline=test_pipeline))
""")


def instances(root: Path) -> None:
    """Write a COCO file of one image that exists."""
    (root / 'instances.json').write_text(
        '{"images": [{"id": 1, "file_name": "00.png", "width": 48, "height": 48}], "annotations": [],'
        ' "categories": [{"id": 1, "name": "star"}]}'
    )


def with_checkpoint(line: str) -> str:
    """Return a command with a damaged checkpoint."""
    return line.replace('work/epoch_2.pth', FOREIGN)


PREPARE = {ZOOM: zoom_config}
TESTED = {
    'test': f'test {CHECKPOINT}',
    'labels': LABEL,
    'tune-thresholds': TUNE,
    'fit-zoom-out': ZOOM,
}
READ = {**TESTED, 'compare': f'compare {CHECKPOINT.replace(" ", ":")} --out new', 'export': EXPORT, 'predict': PREDICT}

CASES: list[Case] = [
    *(
        case(
            f'{name}: a misspelled key in --cfg-options',
            f'{line} --cfg-options model.decode_head.agregator.r=3',
            'rejected',
            'aggregator',
            prepare=PREPARE.get(line),
        )
        for name, line in {**READ, 'demo': 'demo --work-dir new', 'print-config': 'print-config wsl.py'}.items()
    ),
    *(
        case(f'{name}: {text}', f'{line} {option}', 'rejected', *says, prepare=PREPARE.get(line), **ABSENT)
        for name, line in TESTED.items()
        for text, option, says in (
            ('a launcher alone', '--launcher pytorch', ('--launcher', 'torchrun')),
            ('a rank that is no number', '--local-rank first', ('--local-rank', 'first')),
        )
        if (name, text) != ('fit-zoom-out', 'a launcher alone')
    ),
    case('train: a rank that is no number', 'train wsl.py --local-rank first', 'rejected', '--local-rank', **ABSENT),
    *(
        case(
            f'{name}: --trust-checkpoint with half a file',
            f'{with_checkpoint(line)} --trust-checkpoint',
            'rejected',
            FOREIGN,
            prepare=lambda root: (half(root), zoom_config(root)),
        )
        for name, line in READ.items()
    ),
    case(
        'train: --trust-checkpoint with half a file',
        f'train wsl.py --work-dir new --trust-checkpoint --cfg-options load_from={FOREIGN}',
        'rejected',
        FOREIGN,
        prepare=half,
        **ABSENT,
    ),
    *(
        case(f'{name}: --check-data without a meaning', f'{line} --check-data no', 'rejected', '--check-data', **ABSENT)
        for name, line in {
            **{name: READ[name] for name in ('test', 'labels', 'tune-thresholds', 'compare')},
            'train': 'train wsl.py --work-dir new',
            'run': RUN,
        }.items()
    ),
    *(
        case(f'{name}: --overwrite of {what}', f'{line} --overwrite', 'rejected', what, prepare=prepare)
        for name, line, what, prepare in (
            ('train', 'train wsl.py --work-dir images', 'images', None),
            ('labels', LABEL.replace('new', 'images'), 'images', None),
            ('compare', 'compare work --out masks', 'masks', None),
            ('predict', PREDICT.replace('--out new', '--out images'), 'images', None),
            ('predict', PREDICT.replace('--out new', '--out val.txt'), 'val.txt', None),
            ('tune-thresholds', TUNE.replace('new.json', 'val.csv'), 'val.csv', None),
            ('fit-zoom-out', f'{ZOOM} --out work/epoch_2.pth', 'work/epoch_2.pth', zoom_config),
            ('demo', 'demo --work-dir val.txt', 'val.txt', None),
            ('coco-masks', 'coco-masks instances.json --out images', 'images', instances),
        )
    ),
    *(
        case(
            f'{line.split()[0]}: {option}',
            f'{line} {option}',
            'rejected',
            *option.split()[:1],
            prepare=prepare,
            **ABSENT,
        )
        for line, prepare, options in (
            (
                LABEL,
                None,
                ('--format tiff', '--min-score 2', '--min-score -1', '--min-score nan', '--min-score low', '--tuned-on')
                + ('--tuned-on ""',),
            ),
            (TUNE, None, ('--max-images 0', '--max-images all', '--ann-file ""')),
            (
                ZOOM,
                zoom_config,
                ('--per-image 0', '--per-image all', '--iterations 0', '--every -2', '--cache-dir ""', '--out ""'),
            ),
            ('demo', None, ('--work-dir ""', '--work-dir')),
            (CHECK, None, ('--separator ""', '--separator')),
            (RUN, None, ('--separator ""',)),
        )
        for option in options
    ),
    case(
        'labels: --tta without its model',
        f'{LABEL} --tta --cfg-options tta_model=None',
        'rejected',
        '--tta',
        'tta_model',
        **ABSENT,
    ),
    case(
        'labels: --use-image-labels of images without labels',
        f'{LABEL} --split test --use-image-labels --cfg-options test_dataloader.dataset.label_file=',
        'rejected',
        'label',
        absent=('new',),
    ),
    case('tune-thresholds: a list that is not there', f'{TUNE} --ann-file none.txt', 'rejected', 'none.txt'),
    case(
        'tune-thresholds: a list of other images',
        f'{TUNE} --ann-file names.txt',
        'rejected',
        'names.txt',
        prepare=lambda root: (root / 'names.txt').write_text('none\n'),
    ),
    case('fit-zoom-out: a config without zoom-out features', f'fit-zoom-out {CHECKPOINT}', 'rejected', 'ZoomOutMaps'),
    case(
        'fit-zoom-out: features into a file', f'{ZOOM} --cache-dir val.txt', 'rejected', 'val.txt', prepare=zoom_config
    ),
    case(
        'fit-zoom-out: --work-dir is a file', f'{ZOOM} --work-dir val.txt', 'rejected', 'val.txt', prepare=zoom_config
    ),
    case('demo: --work-dir is the folder of images', 'demo --work-dir images', 'rejected', 'images'),
    case('check: a separator that no cell has', f'{CHECK} --separator /', 'rejected', '--separator'),
    case('run: a separator that no cell has', f'{RUN} --separator /', 'rejected', 'separator', absent=('new/labels',)),
    case(
        'predict: --scores beside masks without scores',
        f'{PREDICT} --scores',
        'done',
        '12 of 12',
        prepare=command(PREDICT),
        changes=('new/*', 'new/*/*', 'new/*/*/*'),
    ),
]
