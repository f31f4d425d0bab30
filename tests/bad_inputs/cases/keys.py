"""Keys of a config that nothing reads, and parts without a class."""

from ..harness import Case, case
from .configs import OWN, SET, inherits

UNREAD = {
    'env_cfg.benchmark=True': 'only the keys cudnn_benchmark',
    'test_cfg.foo=1': '`test_cfg`',
    'model.train_cfg.foo=1': '`model.train_cfg`',
    'model.inference.foo=1': '`model.inference`',
    'val_dataloader.dataset.data_prefix.foo=x': 'only the keys img_path, seg_map_path',
    'val_dataloader.dataset.metainfo.colors=x': 'only the keys classes, palette',
    'pseudo_labels.treshold=0.3': '`pseudo_labels` must be a setting, got a variable',
    'custom_imports.imports=os': '`custom_imports` must be a setting, got a variable',
    'default_hooks.foo.bar=1': '`default_hooks.foo` must be a dict with a `type`',
    'custom_hooks=3': '`custom_hooks` must be a list',
    'randomness.foo=3': '`randomness` must have only the keys seed',
    'log_processor.foo=3': '`log_processor` must have only the keys window_size',
    'data_preprocessor.mean=[0,0,0]': 'Set model.data_preprocessor.mean',
    'launcher=slurm': '--launcher',
    'resume=True': '--resume',
}
NO_CLASS = {
    'an initialization': "model = dict(backbone=dict(init_cfg=dict(checkpoint='imagenet.pth')))",
    'one of several initializations': "model = dict(backbone=dict(init_cfg=[dict(type='Kaiming'), dict(std=0.1)]))",
    'a hook': 'custom_hooks = [dict(priority=3)]',
    'a default hook': 'default_hooks = dict(own=dict(priority=3))',
}

CASES: list[Case] = [
    *(
        case(f'as an option: {option}', SET.format(option), 'rejected', words, absent=('new',))
        for option, words in UNREAD.items()
    ),
    *(
        case(
            f'without a type: {name}',
            OWN,
            'rejected',
            'must be a dict with a `type`',
            prepare=inherits(text),
            absent=('new',),
        )
        for name, text in NO_CLASS.items()
    ),
    case(
        'an environment that nothing reads',
        OWN,
        'rejected',
        '`env_cfg` must have only the keys',
        prepare=inherits('env_cfg = dict(benchmark=True)'),
    ),
    case(
        'a cache of features in the folder of the masks',
        OWN,
        'rejected',
        '`model.backbone.cache_dir`',
        'masks',
        prepare=inherits(
            "model = dict(backbone=dict(_delete_=True, type='mmwsl.CachedBackbone', cache_dir='masks', "
            "backbone=dict(type='mmwsl.PlainCNN', frozen_stages=4)))"
        ),
        absent=('new',),
    ),
    case(
        'thresholds of a metric above 1',
        'test own.py work/epoch_2.pth --work-dir new',
        'rejected',
        'ThresholdIoUMetric',
        '[0, 1]',
        prepare=inherits("test_evaluator = [dict(type='mmwsl.ThresholdIoUMetric', thresholds=[1.7])]"),
        absent=('new',),
    ),
]
