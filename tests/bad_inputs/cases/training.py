"""Length, batches, sampler and learning rate of a training."""

from ..harness import Case, case
from .configs import OWN, SET, inherits

TEST = 'test wsl.py work/epoch_2.pth'
ONE_EPOCH = 'train own.py --work-dir new --cfg-options train_cfg.max_epochs={}'


def schedule(text: str):
    """Return a function that writes a config with one schedule."""
    return inherits(f'param_scheduler = [dict({text})]')


CASES: list[Case] = [
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
    case(
        'no batches loaded ahead',
        SET.format('train_dataloader.num_workers=1 train_dataloader.prefetch_factor=0'),
        'rejected',
        'prefetch_factor',
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
    case('no learning rate', SET.format('optim_wrapper.optimizer.lr=0'), 'done', 'nothing is trained'),
    *(
        case(
            name,
            OWN,
            'rejected',
            f'param_scheduler.0.{key}',
            prepare=schedule(text),
            absent=('new',),
        )
        for name, text, key in (
            ('milestones in a text', "type='MultiStepLR', milestones='1,2'", 'milestones'),
            ('a milestone at the end', "type='MultiStepLR', milestones=[1, 2]", 'milestones'),
            ('a milestone after the end', "type='MultiStepLR', milestones=[30]", 'milestones'),
            ('steps longer than the training', "type='StepLR', step_size=5", 'step_size'),
        )
    ),
    case(
        'a schedule that ends a little early',
        ONE_EPOCH.format(10),
        'done',
        'param_scheduler.0.end=19: the learning rate stays at its minimum',
        'Set param_scheduler.0.end=20.',
        prepare=schedule("type='PolyLR', by_epoch=False, end=19"),
    ),
    case('endless epochs', SET.format('train_cfg.max_epochs=1e9999'), 'rejected', 'max_epochs', absent=('new',)),
]
