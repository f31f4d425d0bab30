"""Which masks and labels a config trains on, as its name says."""

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope

from mmwsl.datasets import VOC6WeakDataset

from .shorten import CONFIGS, FOLDER, SEGMENTORS, parts_of


def test_names_are_unique_and_begin_with_the_supervision():
    assert {name.split('_')[0] for name in CONFIGS} == {'wsl', 'psl', 'fsl'}
    assert len(CONFIGS) == len([path for path in FOLDER.rglob('*.py') if '_base_' not in path.parts])


@pytest.mark.filterwarnings('ignore:no image of:UserWarning')
@pytest.mark.parametrize('name', [name for name in CONFIGS if name.endswith('semi')])
def test_semi_supervision_has_every_image_once(name):
    cfg = Config.fromfile(CONFIGS[name])
    with DefaultScope.overwrite_default_scope('mmseg'):
        masked, labeled = DATASETS.build(cfg.train_dataloader.dataset).datasets
    for part, image in ((masked, 'one'), (labeled, 'two')):
        assert [Path(part.get_data_info(i)['img_path']).stem for i in range(len(part))] == [image]
    assert 'seg_map_path' in masked.get_data_info(0) and 'img_label' not in masked.get_data_info(0)
    assert 'img_label' in labeled.get_data_info(0) and 'seg_map_path' not in labeled.get_data_info(0)


# A config with a fourth part in its name is another method, unless it has a fully supervised counterpart.
PSEUDO = [
    name for name in SEGMENTORS if name.startswith('psl') and (name.count('_') == 2 or f'fsl{name[3:]}' in CONFIGS)
]


@pytest.mark.parametrize('name', PSEUDO)
def test_pseudo_labels_are_the_only_difference_to_full_supervision(name, monkeypatch):
    monkeypatch.setenv('MMWSL_PSEUDO_LABELS', 'made/labels')
    cfg, full = Config.fromfile(CONFIGS[name]), Config.fromfile(CONFIGS[f'fsl{name[3:]}'])
    (dataset,) = parts_of(cfg.train_dataloader.dataset)
    assert dataset.data_prefix.seg_map_path == str(Path.cwd() / 'made' / 'labels' / 'masks')
    if dataset.type == 'mmwsl.VOC6WeakDataset':  # its own masks have the ids of VOC
        assert tuple(dataset.pop('seg_map_classes')) == VOC6WeakDataset.METAINFO['classes']
    else:
        coco = dataset.type == 'mmwsl.COCOWeakDataset'
        assert dataset.label_file == ('annotations/instances_train2017.json' if coco else 'Annotations')
        dataset.label_file = ''
    parts_of(full.train_dataloader.dataset)[0].data_prefix.seg_map_path = dataset.data_prefix.seg_map_path
    cfg.pop('pseudo_labels')
    assert cfg.to_dict() == full.to_dict()
