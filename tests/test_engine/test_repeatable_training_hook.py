"""A resumed training draws the random numbers that it would have drawn without the interruption."""

import pytest
import torch

from mmwsl.apis.training import main
from tests.conftest import tiny_settings

pytestmark = pytest.mark.usefixtures('on_cpu')

LOAD = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]


def weights(work):
    return torch.load(work / 'iter_6.pth', weights_only=True)['state_dict']


@pytest.mark.parametrize('workers', [0, 2])
def test_the_same_weights_with_and_without_an_interruption(tiny_config, tmp_path, workers):
    """Stopped at 3 of 6 iterations, with flips, dropout and a validation; 2 processes do not divide 3 batches."""
    loader = tiny_settings(tmp_path / 'scenes')['train_dataloader']
    loader |= dict(num_workers=workers, dataset=loader['dataset'] | dict(pipeline=LOAD))
    loop = dict(type='IterBasedTrainLoop', max_iters=6, val_interval=3)
    config = str(tiny_config(train_dataloader=loader, train_cfg=loop))
    options = ['model.decode_head.dropout_ratio=0.5', 'default_hooks.checkpoint.interval=1']

    def train(name, *arguments):
        more = [f'experiment_name={tmp_path.name}_{len(list(tmp_path.glob("*")))}_{len(arguments)}', *arguments[1:]]
        main([config, '--work-dir', str(tmp_path / name), *arguments[:1], '--cfg-options', *options, *more])

    train('whole')
    train('part', '--overwrite', 'train_cfg.max_iters=3')
    train('part', '--resume')
    one, other = weights(tmp_path / 'whole'), weights(tmp_path / 'part')
    for name, value in one.items():
        assert torch.equal(value, other[name]), name
    train('other', '--overwrite', 'randomness.seed=1')
    assert any(not torch.equal(value, one[name]) for name, value in weights(tmp_path / 'other').items())


def test_an_epoch_that_this_process_loads(tiny_config, tmp_path):
    """Stopped after the first of two epochs whose images are loaded without other processes."""
    loader = tiny_settings(tmp_path / 'scenes')['train_dataloader']
    sampler = dict(type='DefaultSampler', shuffle=True)
    loader |= dict(num_workers=0, sampler=sampler, dataset=loader['dataset'] | dict(pipeline=LOAD))
    config = str(tiny_config(train_dataloader=loader, train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=2)))
    options = ['default_hooks.checkpoint.by_epoch=True', 'default_hooks.checkpoint.interval=1']

    def train(name, *arguments, epochs):
        more = [f'train_cfg.max_epochs={epochs}', f'experiment_name={tmp_path.name}_{name}_{len(arguments)}_{epochs}']
        main([config, '--work-dir', str(tmp_path / name), *arguments, '--cfg-options', *options, *more])

    train('whole', epochs=2)
    train('part', epochs=1)
    train('part', '--resume', epochs=2)
    one, other = (torch.load(tmp_path / name / 'epoch_2.pth', weights_only=True) for name in ('whole', 'part'))
    for name, value in one['state_dict'].items():
        assert torch.equal(value, other['state_dict'][name]), name
