"""Configs, settings and arguments of the commands that read a config."""

from collections.abc import Callable
from pathlib import Path

from ..harness import Case, case

TRAIN = 'train wsl.py --work-dir new'
SET = f'{TRAIN} --cfg-options {{}}'
TEST = 'test wsl.py work/epoch_2.pth'
LABEL = 'generate-pseudo-labels wsl.py work/epoch_2.pth --out new'


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


OWN = 'train own.py --work-dir new'
NOTHING = dict(absent=('new',))

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
    case('an unknown data set', SET.format('train_dataloader.dataset.type=Nothing'), 'rejected', 'Nothing'),
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
    case('--cfg-options: misspelled', SET.format('trian_cfg.max_epochs=3'), 'rejected', 'train_cfg', **NOTHING),
    case('--cfg-options: unknown', SET.format('lr=3'), 'rejected', 'optim_wrapper.optimizer.lr', **NOTHING),
    case('--cfg-options: no value', SET.format('lr'), 'rejected', "'lr'", **NOTHING),
    case('--cfg-options: no key', SET.format('=3'), 'rejected', "'=3'", **NOTHING),
    case('--cfg-options: nothing', f'{TRAIN} --cfg-options', 'rejected', '--cfg-options', **NOTHING),
    case(
        '--cfg-options: an open list',
        SET.format("'optim_wrapper.optimizer.betas=[0.9,0.99'"),
        'rejected',
        'betas',
        **NOTHING,
    ),
    case(
        '--cfg-options: a list as a text',
        SET.format("""'model.decode_head.hidden_channels="[8"'"""),
        'rejected',
        'hidden_channels',
        **NOTHING,
    ),
    case(
        '--cfg-options: text for a number',
        SET.format('model.decode_head.aggregator.r=high'),
        'rejected',
        'aggregator.r',
        'high',
        **NOTHING,
    ),
    case(
        '--cfg-options: text for the learning rate',
        SET.format('optim_wrapper.optimizer.lr=fast'),
        'rejected',
        'lr',
        'fast',
        **NOTHING,
    ),
    case(
        '--cfg-options: text for a length',
        SET.format('train_cfg.max_epochs=many'),
        'rejected',
        'max_epochs',
        'many',
        **NOTHING,
    ),
    case('--cfg-options: a misspelled last key', SET.format('train_cfg.max_epoch=3'), 'rejected', 'max_epoch'),
    case(
        '--cfg-options: a misspelled argument of the optimizer',
        SET.format('optim_wrapper.optimizer.lrr=3'),
        'rejected',
        'lrr',
    ),
    case(
        '--cfg-options: a misspelled argument of the head',
        SET.format('model.decode_head.dropout_ration=0.3'),
        'rejected',
        'dropout_ration',
    ),
    case('--cfg-options: a key of a number', SET.format('train_cfg.max_epochs.value=3'), 'rejected', 'max_epochs'),
    case(
        '--cfg-options: an index that is not there',
        SET.format('val_evaluator.7.type=IoUMetric'),
        'rejected',
        'val_evaluator',
        '7',
        **NOTHING,
    ),
    case('--cfg-options: a variable of the file', SET.format('data.data_root=x'), 'rejected', 'variable', **NOTHING),
    case('negative r', SET.format('model.decode_head.aggregator.r=-1'), 'rejected', '`r` must be'),
    case('r is NaN', SET.format('model.decode_head.aggregator.r=nan'), 'rejected', 'r'),
    case(
        'background threshold above 1',
        SET.format('model.decode_head.background.threshold=1.7'),
        'rejected',
        'threshold',
        '1.7',
    ),
    case(
        'class threshold above 1',
        'test own.py work/epoch_2.pth',
        'rejected',
        '1.7',
        prepare=inherits(
            "model = dict(inference=dict(postprocessors=[dict(type='mmwsl.ClassThresholds', thresholds=[1.7] * 7)]))"
        ),
    ),
    case(
        'class thresholds for other classes',
        'test own.py work/epoch_2.pth',
        'rejected',
        'thresholds',
        prepare=inherits(
            "model = dict(inference=dict(postprocessors=[dict(type='mmwsl.ClassThresholds', thresholds=[0.5] * 3)]))"
        ),
    ),
    case(
        'other number of classes than names', SET.format('model.decode_head.num_classes=5'), 'rejected', 'num_classes'
    ),
    case('no epochs', SET.format('train_cfg.max_epochs=0'), 'rejected', 'max_epochs'),
    case('negative epochs', SET.format('train_cfg.max_epochs=-2'), 'rejected', 'max_epochs'),
    case('half an epoch', SET.format('train_cfg.max_epochs=1.5'), 'rejected', 'max_epochs'),
    case('validation every 0 epochs', SET.format('train_cfg.val_interval=0'), 'rejected', 'val_interval'),
    case('a log every 0 iterations', SET.format('default_hooks.logger.interval=0'), 'rejected', 'interval'),
    case('batch size 0', SET.format('train_dataloader.batch_size=0'), 'rejected', 'batch_size'),
    case('batch size -4', SET.format('train_dataloader.batch_size=-4'), 'rejected', 'batch_size'),
    case(
        'a batch larger than the data, last ones dropped',
        SET.format('train_dataloader.batch_size=64 train_dataloader.drop_last=True'),
        'rejected',
        'batch',
    ),
    case('-1 workers', SET.format('train_dataloader.num_workers=-1'), 'rejected', 'num_workers'),
    case(
        'persistent workers without workers',
        SET.format('train_dataloader.persistent_workers=True'),
        'rejected',
        'persistent_workers',
    ),
    case('indices 0', SET.format('train_dataloader.dataset.indices=0'), 'rejected', 'indices'),
    case('indices -3', f'{TEST} --cfg-options test_dataloader.dataset.indices=-3', 'rejected', 'indices'),
    case(
        'indices beyond the data',
        SET.format('train_dataloader.dataset.indices=[3,99]'),
        'rejected',
        'FolderWeakDataset',
        'out of range',
    ),
    case(
        'a sampler that never ends',
        SET.format('train_dataloader.sampler.type=InfiniteSampler'),
        'rejected',
        'InfiniteSampler',
    ),
    case(
        'a schedule that ends before the training',
        OWN,
        'rejected',
        'param_scheduler',
        prepare=inherits("param_scheduler = [dict(type='PolyLR', by_epoch=True, begin=0, end=1)]"),
    ),
    case(
        'a warm-up longer than the training',
        OWN,
        'rejected',
        'param_scheduler',
        prepare=inherits(
            "param_scheduler = [dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=500)]"
        ),
    ),
    case('a learning rate of 1e30', SET.format('optim_wrapper.optimizer.lr=1e30'), 'failed', 'iteration'),
    case('a negative learning rate', SET.format('optim_wrapper.optimizer.lr=-0.1'), 'rejected', 'learning rate'),
    case('a learning rate that is NaN', SET.format('optim_wrapper.optimizer.lr=nan'), 'rejected', 'learning rate'),
    case(
        'pretrained weights that are missing',
        SET.format('model.backbone.init_cfg.type=Pretrained model.backbone.init_cfg.checkpoint=none.pth'),
        'rejected',
        'none.pth',
        'init_cfg',
    ),
    case(
        'pretrained weights of another network',
        SET.format('model.backbone.init_cfg.type=Pretrained model.backbone.init_cfg.checkpoint=imagenet.pth'),
        'rejected',
        'imagenet.pth',
    ),
    case('--launcher pytorch alone', f'{TRAIN} --launcher pytorch', 'rejected', 'torchrun'),
    case('--launcher slurm alone', f'{TRAIN} --launcher slurm', 'rejected', 'srun'),
    case('--launcher mpi alone', f'{TRAIN} --launcher mpi', 'rejected', 'mpi'),
    case('an unknown launcher', f'{TRAIN} --launcher ray', 'rejected', '--launcher'),
    case('an unknown argument', f'{TRAIN} --fast', 'rejected', '--fast'),
    case('an argument without its value', 'train wsl.py --work-dir', 'rejected', '--work-dir'),
    case('no arguments', 'train', 'rejected', 'config'),
    case('no command', '', 'rejected', 'COMMAND'),
    case('an unknown command', 'trian wsl.py', 'rejected', 'trian'),
    case('the checkpoint is forgotten', 'test wsl.py', 'rejected', 'checkpoint'),
    case(
        '--tta without views',
        f'{TEST} --tta',
        'rejected',
        'tta_pipeline',
        prepare=lambda root: (root / 'wsl.py').write_text((root / 'wsl.py').read_text() + 'tta_pipeline = None\n'),
    ),
    case('--wait-time -1', f'{TEST} --show --wait-time -1', 'rejected', '--wait-time'),
    case('--max-images 0', f'{LABEL} --max-images 0', 'rejected', '--max-images', **NOTHING),
    case('--max-images -3', f'{LABEL} --max-images -3', 'rejected', '--max-images', **NOTHING),
    case('--max-images many', f'{LABEL} --max-images many', 'rejected', '--max-images', **NOTHING),
    case('--fg-threshold 1.7', f'{LABEL} --fg-threshold 1.7', 'rejected', '--fg-threshold', **NOTHING),
    case('--fg-threshold nan', f'{LABEL} --fg-threshold nan', 'rejected', '--fg-threshold', **NOTHING),
    case(
        '--bg-threshold above --fg-threshold',
        f'{LABEL} --fg-threshold 0.3 --bg-threshold 0.6',
        'rejected',
        'threshold',
        **NOTHING,
    ),
    case('--split of nothing', f'{LABEL} --split all', 'rejected', '--split', **NOTHING),
    case('--ann-file: no file', f'{LABEL} --ann-file none.txt', 'rejected', 'none.txt', **NOTHING),
    case(
        '--ann-file: unknown images',
        f'{LABEL} --ann-file list.txt',
        'rejected',
        'list.txt',
        prepare=lambda root: (root / 'list.txt').write_text('77\n'),
        **NOTHING,
    ),
    case(
        '--ann-file: empty',
        f'{LABEL} --ann-file list.txt',
        'rejected',
        'list.txt',
        prepare=lambda root: (root / 'list.txt').write_text(''),
        **NOTHING,
    ),
    case('--num-images -1', 'compare work --out new --num-images -1', 'rejected', '--num-images'),
    case('compare: no run', 'compare none --out new', 'rejected', 'none', **NOTHING),
    case('compare: a folder that is no run', 'compare images --out new', 'rejected', 'images', **NOTHING),
    case('compare: one run twice', 'compare work work --out new', 'rejected', "two runs are named 'work'", **NOTHING),
    case(
        'compare: data sets that differ',
        'compare work other.py:work/epoch_2.pth --out new',
        'rejected',
        'other',
        prepare=lambda root: (root / 'other.py').write_text(
            "_base_ = ['wsl.py']\ntest_dataloader = dict(dataset=dict(label_file='train.csv'))\n"
        ),
    ),
    case('print-config: no config', 'print-config none.py', 'rejected', 'none.py'),
    case('fit-zoom-out --every 0', 'fit-zoom-out wsl.py work/epoch_2.pth --every 0', 'rejected', '--every'),
    case(
        'fit-zoom-out with a launcher',
        'fit-zoom-out wsl.py work/epoch_2.pth --launcher pytorch',
        'rejected',
        '--launcher',
    ),
    case('mixed precision without a GPU', f'{TRAIN} --amp', 'rejected', 'gpu'),
    *(
        case(f'fits nothing: {name}', 'train own.py --work-dir new', 'failed', words, prepare=supervised(text))
        for name, text, words in (
            ('channels of the head', 'model = dict(decode_head=dict(in_channels=9))', 'may not fit'),
            ('index of the features', 'model = dict(decode_head=dict(in_index=5))', 'may not fit'),
            (
                'weights of the classes',
                'model = dict(decode_head=dict(loss_decode=dict(class_weight=[1.0, 2.0])))',
                'fit',
            ),
            ('gradient clipping', 'optim_wrapper = dict(clip_grad=dict(max_nrom=1.0))', 'max_nrom'),
        )
    ),
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
    *(
        case(f'rejected: {name}', 'train own.py --work-dir new', 'rejected', words, prepare=supervised(text))
        for name, text, words in (
            ('seed', 'randomness = dict(seed=2**40)', 'randomness.seed'),
            ('more processes than help', 'train_dataloader = dict(num_workers=999)', 'num_workers'),
            ('no learning rate', 'optim_wrapper = dict(optimizer=dict(lr=0.0))', 'positive'),
            ('more classes than names', 'model = dict(decode_head=dict(num_classes=9))', 'num_classes'),
            ('one mean for three channels', 'model = dict(data_preprocessor=dict(mean=[0.0], std=[1.0]))', 'mean'),
            ('no standard deviation', 'model = dict(data_preprocessor=dict(std=[0.0, 0.0, 0.0]))', 'std'),
            ('milestones in a text', "param_scheduler = dict(type='MultiStepLR', milestones='1,2')", 'milestones'),
            ('a misspelled prefix', "train_dataloader = dict(dataset=dict(data_prefix=dict(img_pth='x')))", 'img_path'),
            ('misspelled classes', "train_dataloader = dict(dataset=dict(metainfo=dict(clases=('a',))))", 'classes'),
            ('a misspelled mode', "model = dict(test_cfg=dict(mod='slide'))", "'mode'"),
            ('misspelled rates', 'optim_wrapper = dict(paramwise_cfg=dict(custom_key=dict(a=1)))', 'custom_keys'),
            (
                'other classes in training than in validation',
                'classes = ("background", "cross", "square", "triangle", "star", "ring", "circle")\n'
                'train_dataloader = dict(dataset=dict(metainfo=dict(classes=classes)))',
                'val_dataloader.dataset.metainfo.classes',
            ),
        )
    ),
    case('a config that ends the program', OWN, 'rejected', 'own.py', prepare=config('raise SystemExit')),
]
