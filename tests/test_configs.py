"""Every config parses, builds, trains a step and evaluates, through the real runner on tiny files of its layout."""

import csv
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope
from mmengine.runner import Runner
from PIL import Image

from mmwsl.apis.testing import use_test_time_augmentation
from mmwsl.datasets import COCOWeakDataset, VOC6WeakDataset, VOCWeakDataset
from mmwsl.models import DilatedMobileNetV2
from mmwsl.utils.nested import dicts_in

CONFIGS = sorted((Path(__file__).parent.parent / 'configs').glob('*.py'))
SIZE = (40, 30)  # width, height


def _training(path):
    """Everything that training depends on."""
    cfg = Config.fromfile(path)
    prediction = ('postprocessors', 'saliency', 'test_cfg', 'zoom_out')
    model = {key: value for key, value in cfg.model.items() if key not in prediction}
    return model, cfg.train_dataloader, cfg.optim_wrapper, cfg.param_scheduler, cfg.train_cfg


def _trains_as_its_base(path):
    """A config that only predicts in another way is evaluated with untrained weights."""
    base = re.search(r"^_base_ = \['(\w+\.py)'", path.read_text(), re.MULTILINE)
    return base is not None and _training(path.with_name(base.group(1))) == _training(path)


NAMES = ('one', 'two')
# Channels of the layers that zoom-out features take from a backbone, and of the head's.
FEATURES = {
    'ResNetV1c': (64, 256, 512, 1024, 2048, 512),
    'mmwsl.CachedBackbone': (32, 16, 24, 32, 64, 96, 160, 320, 512),
}
STAGES = (64, 128, 256, 512, 512)
WIDE = {
    'mmwsl.VGG16': dict(channels=STAGES),
    'mmwsl.DeconvNetHead': dict(stages=STAGES),
    'UNet': dict(base_channels=64),
}


def _image(path, suffix='.jpg', size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(f'{path}{suffix}')


def _mask(path, label):
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros(SIZE[::-1], np.uint8)
    mask[:10, :10], mask[0, 0] = label, 255
    Image.fromarray(mask).save(f'{path}.png')


def _table(path, rows):
    with open(path, 'w', newline='') as file:
        csv.writer(file).writerows([('image', 'labels'), *rows])


def _voc(root, mask_folder, lists):
    for name in NAMES:
        _image(root / 'JPEGImages' / name)
        _mask(root / mask_folder / name, VOCWeakDataset.METAINFO['classes'].index('cat'))
    for name in lists:
        path = root / 'ImageSets' / 'Segmentation' / f'{name}.txt'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('\n'.join(NAMES))
    path.with_stem('train').write_text(NAMES[0])  # the images whose masks a semi-supervised config may open


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Two images in the layout of each dataset, and weights in the shape of the pretrained ones."""
    root = tmp_path_factory.mktemp('data')
    _voc(root / 'voc6', 'SegmentationClassAug', ('train_aug', 'val'))
    _table(root / 'voc6' / 'image_labels.csv', [('one', 'cat'), ('two', 'dog person')])
    voc = root / 'VOCdevkit' / 'VOC2012'
    for folder in ('SegmentationClass', 'SegmentationClassAug'):
        _voc(voc, folder, ('train_aug', 'val'))
    for name in NAMES:
        _mask(root / 'pseudo_labels' / 'masks' / name, 1)
    (voc / 'Annotations').mkdir()
    for name in NAMES:
        (voc / 'Annotations' / f'{name}.xml').write_text(
            f'<annotation><size><width>{SIZE[0]}</width><height>{SIZE[1]}</height></size><object><name>cat</name>'
            '<difficult>0</difficult><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>10</xmax><ymax>10</ymax></bndbox>'
            '</object></annotation>'
        )
    categories = [dict(id=i, name=name) for i, name in enumerate(COCOWeakDataset.METAINFO['classes'][1:], 1)]
    for split in ('train2017', 'val2017'):
        for name in NAMES:
            _image(root / 'coco' / split / name)
            _mask(root / 'coco' / 'masks' / split / name, 1)
        images = [dict(id=i, file_name=f'{name}.jpg') for i, name in enumerate(NAMES)]
        annotations = [dict(id=0, image_id=0, category_id=1, iscrowd=0, bbox=[0, 0, 10, 10])]
        (root / 'coco' / 'annotations').mkdir(exist_ok=True)
        (root / 'coco' / 'annotations' / f'instances_{split}.json').write_text(
            json.dumps(dict(images=images, annotations=annotations, categories=categories))
        )
    for name in NAMES:
        _image(root / 'folder' / 'images' / name)
        _mask(root / 'folder' / 'masks' / name, 1)
    for split in ('train', 'val'):
        _table(root / 'folder' / f'{split}.csv', [('one', 'cat'), ('two', '')])
    _image(root / 'imagenet_voc' / 'cat' / 'one', '.JPEG')
    _image(root / 'imagenet_voc' / 'background' / 'two', '.JPEG')
    torch.manual_seed(0)
    torch.save(DilatedMobileNetV2(last_conv=True).state_dict(), root / 'mobilenet_v2_imagenet.pth')
    return root


def _parts(dataset):
    return dataset.get('datasets', [dataset.get('dataset', dataset)])


def _opens_masks(dataset):
    return 'LoadAnnotations' in {step.type for step in dataset.pipeline}


def _shorten(cfg):
    """One training step, no worker, no download."""
    if cfg.train_cfg.type == 'EpochBasedTrainLoop':
        cfg.train_cfg.update(max_epochs=1, val_interval=1)
    else:
        cfg.train_cfg.update(max_iters=1, val_interval=1)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        parts = _parts(loader.dataset)
        loader.update(batch_size=len(parts), num_workers=0, persistent_workers=False)
        for part in parts:
            part.indices = 1
    if re.search('ASPP|Deconv', cfg.model.decode_head.type):  # normalizes one value an image: needs two images
        cfg.train_dataloader.batch_size = _parts(cfg.train_dataloader.dataset)[0].indices = 2
    sizes = {224: 128, 320: 64, 448: 128, 512: 64}
    if 'Deconv' in cfg.model.decode_head.type:  # it does not pad
        del sizes[224]
    for part in dicts_in(cfg._cfg_dict):  # small images; a network that does not pad needs its size
        for key in ('scale', 'size', 'crop_size'):
            side = part.get(key, (0,))
            if isinstance(side, tuple) and set(side) <= sizes.keys():
                part[key] = tuple(sizes[pixels] for pixels in side)
    if cfg.model.backbone.type in WIDE:
        _slim(cfg.model)
    if cfg.model.backbone.get('depth') == 101:
        cfg.model.backbone.depth = 50  # the same shapes
    networks = [cfg.model.backbone]
    if 'box_backbone' in cfg.model:
        networks.append(cfg.model.box_backbone)
        cfg.model.box_head.crop_size = 64
    for network in networks:
        weights = network.get('init_cfg')
        if weights and ('://' in weights.checkpoint or 'vgg16' in weights.checkpoint):
            network.init_cfg = None
    cfg.load_from = None  # of a network that comes first: not trained here


def _write_svms(cfg):
    """The files that ``tools/fit_zoom_out.py`` makes, which say nothing."""
    width = sum(FEATURES.get(cfg.model.backbone.type, ()))
    for step in cfg.model.get('postprocessors') or ():
        if step.type == 'mmwsl.ZoomOutSVM':
            Path(step.svm).parent.mkdir(parents=True)
            classes = cfg.model.decode_head.num_classes - 1
            torch.save(dict(weight=torch.zeros(classes, width), bias=torch.zeros(classes)), step.svm)


def _slim(model):
    """A sixteenth of the width, for networks that take seconds at their own."""
    for part in dicts_in(model):
        for key, default in WIDE.get(part.get('type'), {}).items():
            part.setdefault(key, default)
        for key in ('base_channels', 'channels', 'fc_channels', 'in_channels', 'skip_channels', 'stages'):
            if key in part:
                part[key] = part[key] // 16 if isinstance(part[key], int) else tuple(n // 16 for n in part[key])


@pytest.mark.filterwarnings('ignore:no image of:UserWarning')
@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config_trains_and_evaluates(path, data, tmp_path, monkeypatch):
    monkeypatch.setitem(os.environ, 'MMWSL_DATA_ROOT', str(data))
    monkeypatch.setitem(os.environ, 'MMWSL_WEIGHTS_ROOT', str(data))
    monkeypatch.setitem(os.environ, 'MMWSL_PSEUDO_LABELS', str(data / 'pseudo_labels'))
    monkeypatch.chdir(tmp_path)
    cfg = Config.fromfile(path)
    assert cfg.default_scope == 'mmseg'
    _shorten(cfg)
    _write_svms(cfg)
    cfg.work_dir = str(tmp_path / 'work')
    cfg.default_hooks.checkpoint = None  # hundreds of megabytes, for nobody
    weak = path.stem.startswith('wsl')
    semi = path.stem.endswith('semi')
    masked = [_opens_masks(part) for part in _parts(cfg.train_dataloader.dataset)]
    assert masked == ([True, False] if semi else [not weak])
    runner = Runner.from_cfg(cfg)
    if not _trains_as_its_base(path):
        before = [parameter.detach().clone() for parameter in runner.model.parameters()]
        runner.train()
        changed = [not torch.equal(a, b) for a, b in zip(before, runner.model.parameters(), strict=True)]
        assert any(changed), 'the training step changed no parameter'
    metrics = runner.test()
    assert path.stem == 'wsl_lse_folder' or 0 <= metrics['mIoU'] <= 100  # it has no masks
    assert ('mAP' in metrics) == weak


@pytest.mark.filterwarnings('ignore:no image of:UserWarning')
def test_a_resumed_training_sees_the_crops_of_an_unbroken_one(data, tmp_path, monkeypatch):
    """Workers start anew with each epoch: those that persist would go on with their random numbers."""
    monkeypatch.setitem(os.environ, 'MMWSL_DATA_ROOT', str(data))
    monkeypatch.setitem(os.environ, 'MMWSL_WEIGHTS_ROOT', str(data))
    monkeypatch.chdir(tmp_path)

    def train(folder, epochs, checkpoint=None):
        cfg = Config.fromfile(CONFIGS[0].parent / 'fsl_deeplabv3plus_voc6.py')
        persistent = cfg.train_dataloader.persistent_workers
        _shorten(cfg)
        cfg.train_dataloader.update(num_workers=1, persistent_workers=persistent)
        cfg.train_cfg.update(max_epochs=epochs)
        cfg.update(val_cfg=None, val_dataloader=None, val_evaluator=None)
        cfg.update(work_dir=str(tmp_path / folder), load_from=checkpoint, resume=checkpoint is not None)
        runner = Runner.from_cfg(cfg)
        runner.train()
        return runner.model.state_dict()

    train('broken', 1)
    resumed = train('broken', 2, str(tmp_path / 'broken' / 'epoch_1.pth'))
    unbroken = train('whole', 2)
    assert all(torch.equal(value, unbroken[name]) for name, value in resumed.items())


@pytest.mark.parametrize(
    'name',
    [
        'wsl_lse_voc6_ilp',
        'wsl_lse_voc6_sppxl',
        'wsl_lse_voc6_seg_crf',
        'wsl_lse_folder',
        'wsl_lse_folder_masks',
        'fsl_deconvnet_voc6',
        'fsl_segformer_voc6',
        'wsl_wildcat_voc',
        'wsl_lse_overfeat_voc',
        'psl_deeplabv3plus_voc6_pseudo',
    ],
)
def test_test_time_augmentation(name, data, tmp_path, monkeypatch):
    monkeypatch.setitem(os.environ, 'MMWSL_DATA_ROOT', str(data))
    monkeypatch.setitem(os.environ, 'MMWSL_WEIGHTS_ROOT', str(data))
    monkeypatch.chdir(tmp_path)
    cfg = Config.fromfile(CONFIGS[0].parent / f'{name}.py')
    _shorten(cfg)
    use_test_time_augmentation(cfg)
    cfg.work_dir = str(tmp_path / 'work')
    runner = Runner.from_cfg(cfg)
    metrics = runner.test()
    assert ('mIoU' in metrics) == (name != 'wsl_lse_folder') and ('mAP' in metrics) == name.startswith('wsl')


@pytest.mark.filterwarnings('ignore:no image of:UserWarning')
@pytest.mark.parametrize('path', [path for path in CONFIGS if path.stem.endswith('semi')], ids=lambda path: path.stem)
def test_semi_supervision_has_every_image_once(path, data, monkeypatch):
    monkeypatch.setitem(os.environ, 'MMWSL_DATA_ROOT', str(data))
    cfg = Config.fromfile(path)
    with DefaultScope.overwrite_default_scope('mmseg'):
        masked, tagged = DATASETS.build(cfg.train_dataloader.dataset).datasets
    assert [[Path(part.get_data_info(i)['img_path']).stem for i in range(len(part))] for part in (masked, tagged)] == [
        ['one'],
        ['two'],
    ]
    assert 'seg_map_path' in masked.get_data_info(0) and 'img_label' not in masked.get_data_info(0)
    assert 'img_label' in tagged.get_data_info(0) and 'seg_map_path' not in tagged.get_data_info(0)


def test_names_say_supervision_method_and_data():
    for path in CONFIGS:
        assert path.stem.split('_')[0] in ('wsl', 'psl', 'fsl'), path.name


# A variant, with a fourth part in its name, is another method; its base is the twin.
PSEUDO = [path for path in CONFIGS if path.stem.startswith('psl') and path.stem.count('_') == 2]


@pytest.mark.parametrize('path', PSEUDO, ids=lambda path: path.stem)
def test_pseudo_labels_are_all_that_differs_from_full_supervision(path, monkeypatch):
    monkeypatch.setitem(os.environ, 'MMWSL_PSEUDO_LABELS', 'made/labels')
    cfg = Config.fromfile(path)
    (dataset,) = _parts(cfg.train_dataloader.dataset)
    assert dataset.data_prefix.seg_map_path == str(Path.cwd() / 'made' / 'labels' / 'masks')
    if dataset.type == 'mmwsl.VOC6WeakDataset':  # its own masks have the ids of VOC
        assert tuple(dataset.pop('seg_map_classes')) == VOC6WeakDataset.METAINFO['classes']
    else:
        assert dataset.label_file == 'Annotations'
        dataset.label_file = ''
    twin = Config.fromfile(path.parent / f'fsl{path.stem[3:]}.py')
    _parts(twin.train_dataloader.dataset)[0].data_prefix.seg_map_path = dataset.data_prefix.seg_map_path
    cfg.pop('pseudo_labels')
    assert cfg.to_dict() == twin.to_dict()
