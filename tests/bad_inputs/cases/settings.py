"""Values of settings that no training or test can use, or that do not fit each other."""

import os

from ..harness import Case, case
from .configs import OWN, SET, inherits, pipeline, supervised
from .data import all_of

TEST = 'test wsl.py work/epoch_2.pth'

CASES: list[Case] = [
    case(
        'parameters that do not exist have a learning rate',
        OWN,
        'done',
        'custom_keys',
        'encoder',
        prepare=inherits("optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'encoder': dict(lr_mult=0.1)}))"),
    ),
    case(
        'early stopping on a metric that is not there',
        OWN,
        'failed',
        'mIuO',
        prepare=inherits("custom_hooks = [dict(type='EarlyStoppingHook', monitor='mIuO', rule='greater')]"),
    ),
    case(
        'an optimizer that is a name',
        OWN,
        'rejected',
        '`optim_wrapper.optimizer` must be a dict',
        prepare=inherits("optim_wrapper = dict(optimizer='adam')"),
    ),
    case(
        'custom imports of a module that is not there',
        OWN,
        'rejected',
        'own.py',
        'custom_imports',
        'no_such_module',
        prepare=inherits("custom_imports = dict(imports=['no_such_module'])"),
    ),
    case(
        'custom imports of a module that imports one that is not there',
        OWN,
        'rejected',
        "`custom_imports`: ModuleNotFoundError: No module named 'nope', line 1 of",
        'broken_module.py',
        prepare=all_of(
            lambda root: (root / 'broken_module.py').write_text('import nope'),
            inherits("import sys; sys.path.append('.'); custom_imports = dict(imports='broken_module')"),
        ),
    ),
    case(
        'custom imports as a list',
        OWN,
        'rejected',
        '`custom_imports` must be dict(imports=[MODULE])',
        prepare=inherits("custom_imports = ['json']"),
    ),
    case(
        'a list of dicts as one option',
        """train wsl.py --work-dir new --cfg-options "custom_hooks=[dict(type='EMAHook')]\"""",
        'rejected',
        'custom_hooks.0.NAME=VALUE',
        absent=('new',),
    ),
    case(
        'resumed with other groups of parameters',
        'train own.py --work-dir work --resume --cfg-options train_cfg.max_epochs=4',
        'rejected',
        '--resume',
        'got [14]',
        prepare=inherits('optim_wrapper = dict(paramwise_cfg=dict(norm_decay_mult=0.))'),
    ),
    *(
        case(
            f'a pipe as {what}',
            command,
            'rejected',
            'pipe.',
            'Save it as a file',
            prepare=lambda root, name=name: os.mkfifo(root / name),
            absent=('new',),
        )
        for what, command, name in (
            ('config', 'train pipe.py --work-dir new', 'pipe.py'),
            ('checkpoint', 'test wsl.py pipe.pth --work-dir new', 'pipe.pth'),
            ('labels of a config', SET.format('train_dataloader.dataset.label_file=pipe.csv'), 'pipe.csv'),
        )
    ),
    case(
        'images at a URL',
        SET.format('train_dataloader.dataset.data_root=https://127.0.0.1:9/b'),
        'rejected',
        "'https://127.0.0.1:9/b' cannot be read",
    ),
    case(
        'images in a store of an unknown kind',
        SET.format('train_dataloader.dataset.data_root=gs://a/b'),
        'rejected',
        "'gs://a/b' cannot be read",
    ),
    case(
        'a dict as one option',
        "train wsl.py --work-dir new --cfg-options optim_wrapper.optimizer={'type':'SGD'}",
        'rejected',
        'optim_wrapper.optimizer.NAME=VALUE',
    ),
    case(
        'images in a store that needs a package',
        SET.format('train_dataloader.dataset.data_root=s3://a/b'),
        'rejected',
        's3://',
    ),
    case(
        'resumed with another optimizer',
        'train own.py --work-dir work --resume --cfg-options train_cfg.max_epochs=4',
        'rejected',
        '--resume',
        'SGD',
        'betas',
        prepare=inherits("optim_wrapper = dict(optimizer=dict(_delete_=True, type='SGD', lr=0.1))"),
    ),
    *(
        case(f'of a wrong kind or misspelled: {key}', OWN, 'rejected', key, prepare=inherits(text))
        for key, text in {
            'cudnn_benchmark': 'env_cfg = dict(cudn_benchmark=True)',
            'checkpoint': "default_hooks = dict(chekpoint=dict(type='CheckpointHook'))",
            'lr_mult': "optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mul=0.1)}))",
            'seed': 'randomness = dict(sed=3)',
            'window_size': 'log_processor = dict(windowsize=3)',
            'data_preprocessor.mean': "model = dict(data_preprocessor=dict(mean=['a', 'b', 'c']))",
        }.items()
    ),
    case(
        'folders of data that are a text',
        OWN,
        'rejected',
        'cannot be built',
        prepare=inherits("train_dataloader = dict(dataset=dict(data_prefix='images'))"),
    ),
    case(
        'no metric',
        'test own.py work/epoch_2.pth --work-dir new',
        'done',
        'nothing is measured',
        prepare=inherits('test_evaluator = []'),
    ),
    case('a pipeline without transforms', OWN, 'failed', 'packs', prepare=pipeline([])),
    case(
        'sliding windows without a size',
        OWN,
        'rejected',
        'model.test_cfg',
        'crop_size',
        prepare=supervised("model = dict(test_cfg=dict(mode='slide'))"),
    ),
    case(
        'sliding windows that leave gaps',
        OWN,
        'rejected',
        'model.test_cfg',
        '(40, 40)',
        prepare=supervised("model = dict(test_cfg=dict(mode='slide', crop_size=(32, 32), stride=(40, 40)))"),
    ),
    case(
        'weights that cannot be downloaded',
        SET.format('load_from=http://127.0.0.1:9/x.pth'),
        'failed',
        'http://127.0.0.1:9/x.pth',
    ),
    case(
        'an unknown normalization',
        OWN,
        'rejected',
        'misspelled',
        prepare=supervised("model = dict(decode_head=dict(norm_cfg=dict(type='BatchNrm')))"),
    ),
    case('negative r', SET.format('model.decode_head.aggregator.r=-1'), 'rejected', '`r` must be'),
    case('r is NaN', SET.format('model.decode_head.aggregator.r=nan'), 'rejected', '`r` must be'),
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
        )
    ),
    *(
        case(f'rejected: {name}', 'train own.py --work-dir new', 'rejected', words, prepare=supervised(text))
        for name, text, words in (
            ('seed', 'randomness = dict(seed=2**40)', 'randomness.seed'),
            ('more processes than help', 'train_dataloader = dict(num_workers=999)', 'num_workers'),
            ('more classes than names', 'model = dict(decode_head=dict(num_classes=9))', 'num_classes'),
            ('one mean for three channels', 'model = dict(data_preprocessor=dict(mean=[0.0], std=[1.0]))', 'mean'),
            ('no standard deviation', 'model = dict(data_preprocessor=dict(std=[0.0, 0.0, 0.0]))', 'std'),
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
]
