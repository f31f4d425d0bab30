"""Trainings that cannot work are rejected before they start, through the real runner."""

import itertools

import pytest
from mmengine.dataset import InfiniteSampler
from mmengine.registry import DATA_SAMPLERS
from mmengine.runner import Runner

from mmwsl.apis import load_config, train
from mmwsl.apis.schedule_check import check_training
from mmwsl.apis.training import main

FINITE, ENDLESS = (dict(type=name, shuffle=True) for name in ('DefaultSampler', 'InfiniteSampler'))
EPOCHS = dict(type='EpochBasedTrainLoop', max_epochs=5)  # 7 images in batches of 2: 20 iterations
ITERATIONS = dict(type='IterBasedTrainLoop', max_iters=20, val_interval=100)
WARM_UP = dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=4)
POLY = dict(type='PolyLR', by_epoch=True, begin=0, end=5, convert_to_iter_based=True)


@DATA_SAMPLERS.register_module()
class EndlessSampler(InfiniteSampler):
    """A subclass of another name."""


@pytest.fixture
def prepared(tiny_config, tmp_path):
    """A function that loads the tiny config with other settings; each call is a run of its own name."""
    path = tiny_config(default_hooks=dict(checkpoint=None))
    names = (f'{tmp_path.name}-{number}' for number in itertools.count())

    def prepare(loop, sampler=None, schedulers=(), checkpoint=None):
        cfg = load_config(path, {'experiment_name': next(names)}, str(tmp_path / 'work'))
        cfg.train_cfg, cfg.param_scheduler = dict(loop), [dict(part) for part in schedulers]
        cfg.train_dataloader.sampler = sampler or (FINITE if loop['type'] == EPOCHS['type'] else ENDLESS)
        cfg.default_hooks.checkpoint = checkpoint and dict(type='mmwsl.WeightsOnlyCheckpointHook', **checkpoint)
        return cfg

    return prepare


@pytest.mark.parametrize('sampler', ['InfiniteSampler', 'EndlessSampler'])
def test_a_sampler_that_never_ends_is_rejected_under_an_epoch_loop(prepared, sampler):
    cfg = prepared(EPOCHS, dict(type=sampler, shuffle=True))
    message = f'`train_dataloader.sampler` must be finite under EpochBasedTrainLoop, got {sampler}: .*DefaultSampler'
    with pytest.raises(ValueError, match=message):
        train(cfg)


SCHEDULES = {
    # Schedules that end before the training.
    'poly ends early': (
        EPOCHS,
        [WARM_UP, POLY | dict(end=2)],
        r'`param_scheduler\.1\.end` .* got 2 epochs.*end=5\.',
    ),
    'in iterations': (
        EPOCHS,
        [dict(type='PolyLR', by_epoch=False, end=10)],
        r'0\.end` must be .* 20 iterations .* got 10 iterations: .* minimum\. Set param_scheduler\.0\.end=20',
    ),
    'cosine': (ITERATIONS, [dict(type='CosineAnnealingLR', by_epoch=False, T_max=12)], r'got 12 iterations: .*minimum'),
    'one cycle': (
        ITERATIONS,
        [dict(type='OneCycleLR', by_epoch=False, eta_max=0.1, total_steps=10)],
        r'got 10 iterations',
    ),
    'linear decay': (
        ITERATIONS,
        [dict(type='LinearLR', start_factor=1, end_factor=0.1, by_epoch=False, end=9)],
        r'got 9',
    ),
    # Schedules that end after it.
    'poly ends late': (EPOCHS, [POLY | dict(end=12)], r'got 12 epochs: the learning rate would stay high.*end=5'),
    'poly without end': (ITERATIONS, [dict(type='PolyLR', by_epoch=False)], r'0\.end` must .* got none: .*end=20\.'),
    'converted under iterations': (ITERATIONS, [POLY | dict(end=2)], r'5 epochs of 4 iterations, 20 iterations'),
    # Warm-ups.
    'warm-up does not fit': (EPOCHS, [WARM_UP | dict(end=50), POLY], r'less than .* 20 iterations .* got 50 .*end=3\.'),
    'warm-up without end': (EPOCHS, [dict(type='LinearLR', by_epoch=False), POLY], r'got none: .* never be reached'),
    'constant warm-up': (EPOCHS, [dict(type='ConstantLR', factor=0.1, end=5)], r'0\.end` must be less .* got 5 epochs'),
    # Schedules that never act.
    'begin after end': (
        EPOCHS,
        [POLY | dict(begin=5)],
        r'0\.begin` must be less than `.*\.0\.end`=5, got 5',
    ),
    'begin after training': (ITERATIONS, [dict(type='StepLR', step_size=2, by_epoch=False, begin=30)], r'never act'),
    'a milestone after the end': (
        EPOCHS,
        [dict(type='MultiStepLR', milestones=[2, 5])],
        r'0\.milestones` must be less than .* 5 epochs of 4 iterations .* got 5 epochs: .* Set .*\.milestones=\[2\]',
    ),
    'milestones count from the begin': (
        ITERATIONS,
        [dict(type='MultiStepLR', by_epoch=False, begin=10, milestones=[5, 12])],
        r'from 10 on, .* got 12 iterations',
    ),
    'a step longer than the training': (
        ITERATIONS,
        [dict(type='StepLR', by_epoch=False, step_size=20)],
        r'step_size=10',
    ),
    'epochs of a loop without': (
        ITERATIONS,
        [dict(type='StepLR', step_size=2)],
        r'0\.by_epoch` must be False',
    ),
}


@pytest.mark.parametrize('case', SCHEDULES)
def test_schedules_that_do_not_fit_the_training_are_rejected(prepared, case):
    loop, schedulers, message = SCHEDULES[case]
    with pytest.raises(ValueError, match=message) as error:
        train(prepared(loop, schedulers=schedulers))
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    'loop, schedulers',
    [
        (EPOCHS, [WARM_UP, POLY]),
        (EPOCHS, [WARM_UP]),  # constant after the warm-up
        (EPOCHS, []),
        (EPOCHS, [POLY | dict(end=2), dict(type='ConstantLR', factor=1.0, begin=2, end=5)]),  # constant at the end
        (EPOCHS, [dict(type='MultiStepLR', milestones=[2, 4])]),
        (EPOCHS, [POLY, dict(type='LinearMomentum', by_epoch=True, end=2)]),  # momentum, not learning rate
        (ITERATIONS, [WARM_UP, dict(type='PolyLR', by_epoch=False, begin=4, end=21)]),
        (ITERATIONS, [dict(type='CosineAnnealingLR', by_epoch=False, T_max=20)]),
        (ITERATIONS, [POLY]),
    ],
)
def test_schedules_that_fit_train_to_the_end(prepared, loop, schedulers):
    runner = train(prepared(loop, schedulers=schedulers))
    assert runner.iter == 20


def test_the_rejected_schedules_leave_the_learning_rate_where_the_messages_say(prepared, monkeypatch):
    monkeypatch.setattr('mmwsl.apis.training.check_training', lambda runner: None)

    def rates(*schedulers):
        return train(prepared(EPOCHS, schedulers=schedulers)).message_hub.get_scalar('train/lr').data[0]

    early = rates(POLY | dict(end=2))  # 2 of 5 epochs, of 4 iterations each
    assert early[0] == 0.05 and early[6] > 0 and early[8:].max() == 0
    assert rates(WARM_UP | dict(end=50)).max() < 0.025
    late = rates(POLY | dict(end=12))
    assert late.min() > 0.025


def test_a_multi_optimizer_config_names_the_key_of_the_optimizer(prepared):
    cfg = prepared(ITERATIONS)
    cfg.param_scheduler = dict(head=[dict(type='PolyLR', by_epoch=False, end=5)])
    with pytest.raises(ValueError, match=r'`param_scheduler\.head\.0\.end` must'):
        check_training(Runner.from_cfg(cfg))


def test_a_batch_larger_than_the_dataset_is_rejected(prepared):
    cfg = prepared(EPOCHS)
    cfg.train_dataloader.update(batch_size=8, drop_last=True)
    with pytest.raises(ValueError, match=r'`train_dataloader.batch_size` .* got 8 for 7 images\. Set .*batch_size=7'):
        train(cfg)


@pytest.mark.parametrize('loop, total', [(EPOCHS, 5), (ITERATIONS, 20)])
def test_a_training_that_saves_nothing_is_rejected(prepared, tmp_path, loop, total):
    hook = dict(by_epoch=loop is EPOCHS, interval=30)
    train(prepared(loop, checkpoint=hook))  # mmengine saves the last step by default
    assert len(list((tmp_path / 'work').glob('*.pth'))) == 1
    with pytest.raises(ValueError, match=rf'`default_hooks.checkpoint.interval` must be in 1..{total} .* got 30: no'):
        train(prepared(loop, checkpoint=hook | dict(save_last=False)), overwrite=True)
    assert len(list((tmp_path / 'work').glob('*.pth'))) == 1
    check_training(Runner.from_cfg(prepared(loop, checkpoint=hook | dict(save_last=False, interval=total))))


def warnings_of(cfg, capsys):
    """Check a training and return what it logs."""
    runner = Runner.from_cfg(cfg)
    capsys.readouterr()
    check_training(runner)
    return [line for line in capsys.readouterr().out.splitlines() if 'WARNING' in line and 'prefix' not in line]


def test_what_trains_otherwise_than_it_looks_is_a_warning(prepared, capsys):
    cfg = prepared(ITERATIONS | dict(val_begin=50), FINITE, checkpoint=dict(by_epoch=True))
    sampler, val_begin, checkpoint = warnings_of(cfg, capsys)
    assert 'train_cfg.val_begin=50: nothing is validated in 20 iterations.' in val_begin
    assert 'IterBasedTrainLoop saves one checkpoint, at the end' in checkpoint
    assert 'starts a finite sampler and its workers anew every 4 iterations' in sampler
    assert warnings_of(prepared(ITERATIONS, checkpoint=dict(by_epoch=False)), capsys) == []


def test_a_schedule_that_ends_a_little_early_is_a_warning(prepared, capsys):
    def poly(end):
        return prepared(ITERATIONS, schedulers=[dict(type='PolyLR', by_epoch=False, end=end)])

    (warning,) = warnings_of(poly(19), capsys)
    assert 'param_scheduler.0.end=19: the learning rate stays at its minimum' in warning
    assert 'Set param_scheduler.0.end=20.' in warning
    assert warnings_of(poly(20), capsys) == warnings_of(poly(21), capsys) == []


def test_an_interval_longer_than_the_training_still_validates_at_its_end(prepared):
    runner = train(prepared(EPOCHS | dict(val_interval=9)))
    assert runner.message_hub.get_scalar('val/mIoU').data[0].size == 1


def test_options_and_a_resumed_training_are_checked_too(tiny_config, tmp_path):
    def run(name, *options, flags=()):
        names = [f'experiment_name={tmp_path.name}-{name}', *options]
        main([path, '--work-dir', str(tmp_path / 'work'), *flags, '--cfg-options', *names])

    path = str(tiny_config(param_scheduler=[dict(type='PolyLR', by_epoch=False, begin=0, end=4)]))
    run('first')
    before = sorted(file.name for file in (tmp_path / 'work').glob('*.pth'))
    for flags in (('--overwrite',), ('--resume',)):
        with pytest.raises(ValueError, match=r'Set param_scheduler\.0\.end=20'):
            run(f'longer{flags[0]}', 'train_cfg.max_iters=20', flags=flags)
        with pytest.raises(ValueError, match='must be finite under EpochBasedTrainLoop'):
            loop = ['train_cfg._delete_=True', 'train_cfg.type=EpochBasedTrainLoop', 'train_cfg.max_epochs=2']
            run(f'epochs{flags[0]}', *loop, flags=flags)
    assert sorted(file.name for file in (tmp_path / 'work').glob('*.pth')) == before
    run('right', 'train_cfg.max_iters=20', 'param_scheduler.0.end=20', flags=('--resume',))
    assert (tmp_path / 'work' / 'iter_20.pth').exists()
