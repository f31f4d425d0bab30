"""Affinity networks train from pseudo-labels by their configs, and refine the class maps of a classifier."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmwsl.apis.pseudo_labels.command import main
from mmwsl.apis.training import train

from .shorten import AFFINITIES, CONFIGS, short_config


def shorter(name):
    cfg = short_config(name)
    cfg.train_dataloader.batch_size = cfg.train_dataloader.dataset.indices = 2
    cfg.train_cfg.pop('val_interval')
    cfg.default_hooks.checkpoint.interval = 1
    cfg.param_scheduler = None
    cfg.experiment_name = name
    return cfg


@pytest.mark.filterwarnings('ignore:no image of:UserWarning')
@pytest.mark.parametrize('name', AFFINITIES)
def test_an_affinity_network_trains_through_the_command(name):
    cfg = shorter(name)
    dataset = cfg.train_dataloader.dataset
    assert dataset.data_prefix.seg_map_path.endswith('pseudo_labels/masks')
    assert cfg.model.decode_head.num_classes == (7 if 'voc6' in name else 21)
    runner = train(cfg)
    moved = [key for key, value in runner.model.named_parameters() if value.requires_grad]
    assert all(key.startswith('decode_head') for key in moved) == (name != 'psl_psa_voc')
    (checkpoint,) = Path('work').glob('*_1.pth')
    state = torch.load(checkpoint, weights_only=True)['state_dict']
    if 'irn' in name:
        assert state['decode_head.mean_displacement'].any()
    before = Config.fromfile(CONFIGS[name])
    assert before.val_dataloader is None and before.test_dataloader is None


@pytest.mark.filterwarnings('ignore:no image of:UserWarning')
@pytest.mark.parametrize('method', ['psa', 'irn'])
def test_from_labels_to_refined_labels(method, monkeypatch):
    """The commands of the README on two images: classifier, affinity network, pseudo-labels."""
    classifier = short_config('wsl_lse_voc6')
    classifier.update(work_dir='classifier', val_cfg=None, val_dataloader=None, val_evaluator=None)
    classifier.train_cfg.pop('val_interval')
    classifier.param_scheduler = None
    train(classifier)
    train(shorter(f'psl_{method}_voc6'))
    (affinity,) = Path('work').glob('*_1.pth')
    monkeypatch.setenv('MMWSL_AFFINITY', str(affinity))
    config = str(CONFIGS[f'wsl_lse_voc6_{method}'])
    main([config, 'classifier/epoch_1.pth', '--out', 'refined', '--work-dir', 'labels', '--cfg-options', *SERIAL])
    assert sorted(path.name for path in Path('refined/masks').iterdir()) == ['one.png', 'two.png']
    manifest = Path('refined/manifest.json').read_text()
    assert str(affinity) in manifest and 'VOC 2012' in manifest


SERIAL = ['test_dataloader.num_workers=0', 'test_dataloader.persistent_workers=False']
