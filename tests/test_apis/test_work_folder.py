import pytest
from mmengine.config import Config

from mmwsl.apis.work_folder import check_folders, output_folders
from mmwsl.utils.output_path import OutputError

IMAGES = dict(data_root='.', data_prefix=dict(img_path='images', seg_map_path='masks'))


def config(**settings):
    return Config(dict(work_dir='work', test_dataloader=dict(dataset=IMAGES), **settings))


@pytest.fixture
def inputs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ('images', 'masks', 'new'):
        (tmp_path / name).mkdir()


@pytest.mark.parametrize(
    'name, settings',
    [
        ('test_evaluator.output_dir', dict(test_evaluator=dict(type='IoUMetric', output_dir='masks'))),
        ('val_evaluator.1.output_dir', dict(val_evaluator=[dict(type='A'), dict(type='B', output_dir='masks/new')])),
        ('default_hooks.checkpoint.out_dir', dict(default_hooks=dict(checkpoint=dict(out_dir='images')))),
        ('default_hooks.logger.out_dir', dict(default_hooks=dict(logger=dict(out_dir='new/../images')))),
        ('custom_hooks.0.out_dir', dict(custom_hooks=[dict(type='CheckpointHook', out_dir='images')])),
        ('visualizer.save_dir', dict(visualizer=dict(type='Visualizer', save_dir='images'))),
        ('visualizer.vis_backends.0.save_dir', dict(visualizer=dict(vis_backends=[dict(save_dir='masks')]))),
    ],
)
def test_folders_of_a_config_are_apart_from_its_data(inputs, name, settings):
    with pytest.raises(OutputError, match=f'`{name}` must be outside'):
        check_folders(config(**settings))


def test_other_folders_are_accepted(inputs):
    hooks = dict(checkpoint=dict(type='CheckpointHook', out_dir='new'), visualization=dict(save_dir=None))
    check_folders(config(test_evaluator=dict(output_dir='new'), default_hooks=hooks, visualizer=dict(save_dir='.')))


def test_images_in_the_current_folder(inputs):
    """Logs may be there, but no masks with the names of the images."""
    cfg = config(visualizer=dict(save_dir='.'), test_evaluator=dict(output_dir='new'))
    cfg.test_dataloader.dataset = dict(data_root='.', data_prefix=dict(img_path=''))
    check_folders(cfg)
    cfg.test_evaluator.output_dir = '.'
    with pytest.raises(OutputError, match='`test_evaluator.output_dir` must be outside'):
        check_folders(cfg)


def test_hooks_that_check_their_folders_are_left_out():
    own = dict(type='mmwsl.MaskWriterHook', out_dir='masks')
    cfg = config(custom_hooks=[own, dict(type='CheckpointHook', out_dir='a')])
    assert list(output_folders(cfg)) == [('custom_hooks.1.out_dir', 'a')]
