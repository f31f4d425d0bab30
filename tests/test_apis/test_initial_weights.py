"""Pretrained weights that are missing, or of another network."""

from urllib.error import URLError

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from mmwsl import apis
from mmwsl.apis.initial_weights import initial_weights, weights_by_key
from mmwsl.apis.training import main


def test_the_keys_of_all_weights():
    pretrained = dict(type='Pretrained', checkpoint='c.pth')
    model = dict(
        pretrained='torchvision://a',
        backbone=dict(backbone=dict(init_cfg=pretrained)),
        heads=[dict(init_cfg=[dict(type='Normal', checkpoint='no'), dict(pretrained, checkpoint='d.pth')])],
    )
    assert dict(weights_by_key(model)) == {
        'model.pretrained': 'torchvision://a',
        'model.backbone.backbone.init_cfg.checkpoint': 'c.pth',
        'model.heads.0.init_cfg.1.checkpoint': 'd.pth',
    }


def options(tmp_path, file):
    init = 'model.backbone.init_cfg'
    return [
        '--work-dir',
        str(tmp_path / 'work'),
        '--cfg-options',
        f'{init}.type=Pretrained',
        f'{init}.checkpoint={file}',
    ]


def test_missing_weights_name_their_key(tiny_config, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"`model\.backbone\.init_cfg\.checkpoint` names .*'gone\.pth'"):
        main([str(tiny_config()), *options(tmp_path, 'gone.pth')])


def test_a_failed_download_names_its_key():
    cfg = Config(dict(model=dict(pretrained='torchvision://resnet50')))
    with pytest.raises(ConnectionError, match=r'`model\.pretrained` names .*torchvision://resnet50.*\(offline\)'):
        with initial_weights(cfg):
            raise URLError('offline')
    with pytest.raises(URLError), initial_weights(Config(dict(model=dict()))):
        raise URLError('something else')


@pytest.fixture
def backbone(tiny_config):
    """A config, and weights of its backbone."""
    path = tiny_config()
    torch.manual_seed(1)
    return str(path), MODELS.build(Config.fromfile(path).model.backbone).state_dict()


def test_weights_of_the_backbone_train_under_any_prefix(backbone, tmp_path):
    config, state = backbone
    torch.save(dict(state_dict=state), tmp_path / 'own.pth')
    main([config, *options(tmp_path, tmp_path / 'own.pth'), f'experiment_name={tmp_path.name}_own'])
    torch.save(dict(state_dict={f'backbone.{name}': value for name, value in state.items()}), tmp_path / 'whole.pth')
    more = [f'experiment_name={tmp_path.name}_whole', 'model.backbone.init_cfg.prefix=backbone.']
    main([config, '--overwrite', *options(tmp_path, tmp_path / 'whole.pth'), *more])
    with pytest.raises(ValueError, match=r'whole\.pth must be weights of this network, got 0 of its 4 parameters'):
        main([config, '--overwrite', *options(tmp_path, tmp_path / 'whole.pth'), f'experiment_name={tmp_path.name}_no'])


def test_weights_of_another_network_are_rejected_before_the_first_iteration(backbone, tmp_path):
    config, state = backbone
    names = [name for name in state if name.endswith('conv.weight')]
    assert len(names) == 4
    few = {name: value for name, value in state.items() if name not in names[1:]}
    torch.save(few, tmp_path / 'few.pth')
    with pytest.raises(ValueError, match=r'`model\.backbone\.init_cfg`: .*few\.pth .* got 1 of its 4 parameters'):
        main([config, *options(tmp_path, tmp_path / 'few.pth')])
    assert not list((tmp_path / 'work').glob('*.pth'))
    torch.save(few | {names[1]: state[names[1]]}, tmp_path / 'half.pth')
    main([config, *options(tmp_path, tmp_path / 'half.pth'), f'experiment_name={tmp_path.name}_half'])


def test_they_do_not_matter_if_a_checkpoint_replaces_them(backbone, tmp_path):
    config, state = backbone
    torch.save(dict(other=torch.ones(3)), tmp_path / 'other.pth')
    main([config, '--work-dir', str(tmp_path / 'first'), '--cfg-options', f'experiment_name={tmp_path.name}_first'])
    load = f'load_from={tmp_path / "first" / "iter_4.pth"}'
    main([config, *options(tmp_path, tmp_path / 'other.pth'), load])
    assert apis.latest_checkpoint(tmp_path / 'work').endswith('iter_4.pth')
