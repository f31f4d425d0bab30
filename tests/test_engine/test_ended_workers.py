"""The processes that load images end with the training, although they persist between its epochs."""

import multiprocessing

from mmwsl.apis.training import main
from tests.conftest import tiny_settings


def test_no_process_is_left_after_a_training(tiny_config, tmp_path):
    settings = tiny_settings(tmp_path / 'scenes')
    loaders = {
        name: settings[name] | dict(num_workers=1, persistent_workers=True)
        for name in ('train_dataloader', 'val_dataloader')
    }
    before = multiprocessing.active_children()
    config = tiny_config(**loaders, train_cfg=dict(type='IterBasedTrainLoop', max_iters=2, val_interval=2))
    main([str(config), '--work-dir', str(tmp_path / 'work')])
    assert multiprocessing.active_children() == before
