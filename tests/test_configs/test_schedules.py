"""The schedule of every config fits the length of its training."""

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmwsl.apis.schedule_check import check_training
from tests.conftest import tiny_settings

from .shorten import AFFINITIES, CONFIGS, SEGMENTORS

CHECKED = set()


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    """A folder with as many files as voc6 has training images; the length of iteration-based trainings is fixed."""
    folder = tmp_path_factory.mktemp('images')
    for index in range(3131):
        (folder / f'{index}.png').touch()
    return folder


@pytest.mark.parametrize('name', [*SEGMENTORS, *AFFINITIES])
def test_the_schedule_of_every_config_fits_its_training(name, images):
    """A real runner; the network, which plays no part, is a tiny one."""
    cfg = Config.fromfile(CONFIGS[name])
    training = dict(
        train_cfg=cfg.train_cfg,
        param_scheduler=cfg.param_scheduler,
        default_hooks=dict(checkpoint=cfg.default_hooks.checkpoint),
        train_dataloader=dict(
            {key: cfg.train_dataloader[key] for key in ('batch_size', 'sampler')},
            num_workers=0,
            dataset=dict(
                type='BaseSegDataset',
                metainfo=dict(classes=('background',), palette=[[0, 0, 0]]),
                data_prefix=dict(img_path=str(images)),
                img_suffix='.png',
            ),
        ),
    )
    if str(training) in CHECKED:  # many configs share a schedule
        return
    runner = Runner.from_cfg(Config(dict(tiny_settings('.'), **training, work_dir='work', experiment_name=name)))
    CHECKED.add(str(training))
    check_training(runner)
