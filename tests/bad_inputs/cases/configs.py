"""Config files that cannot be read, or whose parts are missing, unknown or in the wrong order."""

from collections.abc import Callable
from pathlib import Path

from ..harness import Case, case

TRAIN = 'train wsl.py --work-dir new'
SET = f'{TRAIN} --cfg-options {{}}'
OWN = 'train own.py --work-dir new'


def config(text: str, name: str = 'own.py') -> Callable[[Path], object]:
    """Return a function that writes a config."""
    return lambda root: (root / name).write_text(text)


def inherits(text: str) -> Callable[[Path], object]:
    """Return a function that writes a config which inherits from that of the folder."""
    return config(f"_base_ = ['wsl.py']\n{text}\n")


def supervised(text: str) -> Callable[[Path], object]:
    """Return a function that writes a config which inherits from that of a training with masks."""
    return config(f"_base_ = ['fsl.py']\n{text}\n")


def pipeline(steps: list[str]) -> Callable[[Path], object]:
    """Return a function that writes a config with other transforms."""
    types = [dict(type=name, prob=0.5) if name == 'RandomFlip' else dict(type=name) for name in steps]
    return supervised(f'train_pipeline = {types}\ntrain_dataloader = dict(dataset=dict(pipeline=train_pipeline))')


CASES: list[Case] = [
    case('no config', 'train none.py', 'rejected', "config='none.py' does not exist"),
    case('a name that is almost a config', 'train wsl_lse_shape', 'rejected', 'wsl_lse_shapes'),
    case('a folder as the config', 'train images', 'rejected', 'images'),
    case('an image as the config', 'train images/00.png', 'rejected', 'images/00.png'),
    case('a text file as the config', 'train val.txt', 'rejected', 'val.txt'),
    case('a config with a syntax error', OWN, 'rejected', 'own.py', prepare=config('model = dict(')),
    case('a config that raises an error', OWN, 'rejected', 'own.py', prepare=config('model = dict(a=1 / 0)')),
    case('a config with an undefined name', OWN, 'rejected', 'own.py', 'nothing', prepare=config('model = nothing')),
    case('an empty config', OWN, 'rejected', 'own.py', 'model', prepare=config('')),
    case('a config whose _base_ is missing', OWN, 'rejected', 'none.py', prepare=config("_base_ = ['none.py']")),
    case(
        'a config that calls itself without end',
        OWN,
        'rejected',
        'RecursionError',
        prepare=config('def f(n):\n    return f(n + 1)\nwork_dir = f(0)'),
    ),
    case(
        'a YAML config that runs code',
        'train own.yml --work-dir new',
        'rejected',
        'own.yml',
        prepare=config('model: !!python/object/apply:os.mkdir [made]', 'own.yml'),
        absent=('made',),
    ),
    case('a misspelled level of the log', OWN, 'rejected', 'log_level', prepare=inherits("log_level = 'VERBOSE'")),
    case(
        'a misspelled setting of gradient clipping',
        OWN,
        'rejected',
        'max_norm',
        prepare=inherits('optim_wrapper = dict(clip_grad=dict(max_nrm=1.0))'),
    ),
    case('a network that is a name', OWN, 'rejected', '`model`', 'resnet', prepare=config("model = 'resnet'")),
    case(
        'a dataloader that is a list',
        OWN,
        'rejected',
        '`train_dataloader`',
        prepare=inherits('train_dataloader = [dict(_base_=1)]'),
    ),
    case('a config that inherits from itself', OWN, 'rejected', 'own.py', prepare=config("_base_ = ['own.py']")),
    case('a broken JSON config', 'train own.json', 'rejected', 'own.json', prepare=config('{"model": ', 'own.json')),
    case(
        'a config in latin-1',
        OWN,
        'rejected',
        'own.py',
        prepare=lambda root: (root / 'own.py').write_bytes('# é\n'.encode('latin-1')),
    ),
    case(
        'a config without training data',
        OWN,
        'rejected',
        'train_dataloader',
        prepare=inherits('train_dataloader = None'),
    ),
    case(
        'a config without test data',
        'test own.py work/epoch_2.pth',
        'rejected',
        'test_dataloader',
        prepare=inherits('test_dataloader = None\ntest_evaluator = None\ntest_cfg = None'),
    ),
    case('a config without an optimizer', OWN, 'rejected', 'optim_wrapper', prepare=inherits('optim_wrapper = None')),
    case(
        'a misspelled setting in a config',
        OWN,
        'rejected',
        'trian_cfg',
        'train_cfg',
        prepare=inherits('trian_cfg = dict(max_epochs=3)'),
    ),
    case(
        'a misspelled setting of the data in a config',
        OWN,
        'rejected',
        'train_dataloder',
        prepare=inherits('train_dataloder = dict(batch_size=3)'),
    ),
    case(
        'a misspelled argument of a class',
        OWN,
        'rejected',
        'backgruond',
        prepare=inherits("model = dict(decode_head=dict(backgruond=dict(type='mmwsl.MaxBackground')))"),
    ),
    case('an unknown class', SET.format('model.decode_head.type=mmwsl.Nothing'), 'rejected', 'mmwsl.Nothing'),
    case('an unknown dataset', SET.format('train_dataloader.dataset.type=Nothing'), 'rejected', 'Nothing'),
    case(
        'an unknown transform',
        OWN,
        'rejected',
        'Nothing',
        prepare=inherits(
            "train_pipeline = [dict(type='Nothing')]\ntrain_dataloader = dict(dataset=dict(pipeline=train_pipeline))"
        ),
    ),
    case('an unknown optimizer', SET.format('optim_wrapper.optimizer.type=Adam2'), 'rejected', 'Adam2'),
    case('an unknown metric', SET.format('val_evaluator.0.type=IoUMetrik'), 'rejected', 'IoUMetrik'),
    case('an unknown metric name', SET.format('val_evaluator.0.iou_metrics=[mIOU]'), 'rejected', 'mIOU'),
    *(
        case(
            f'order of the transforms: {name}',
            'train own.py --work-dir new',
            'failed',
            'transform',
            prepare=pipeline(steps),
        )
        for name, steps in (
            ('packed before the image is loaded', ['PackSegInputs', 'LoadImageFromFile']),
            ('flipped before the image is loaded', ['RandomFlip', 'LoadImageFromFile', 'PackSegInputs']),
        )
    ),
    case('a config that ends the program', OWN, 'rejected', 'own.py', prepare=config('raise SystemExit')),
]
