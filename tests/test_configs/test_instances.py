"""Mask R-CNN trains on pseudo-instances and is evaluated, through the commands on a tiny set with true instances."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.hooks import Hook
from PIL import Image

from mmwsl.apis.config import load_config
from mmwsl.apis.testing import test as evaluate
from mmwsl.apis.training import train
from mmwsl.datasets.classes import VOC_CLASSES

from .conftest import NAMES, SIZE
from .shorten import CONFIGS

needs_mmdet = pytest.mark.skipif(
    not importlib.util.find_spec('mmdet'), reason='onedl-mmdetection is not installed, see configs/instances/README.md'
)
DETECTORS = [name for name in CONFIGS if 'mask-rcnn' in name]


@pytest.fixture
def script(repository):
    """The script that writes true instances, as a module."""
    spec = importlib.util.spec_from_file_location('true_instances', repository / 'benchmarks' / 'true_instances.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def files(script, tmp_path, data, monkeypatch):
    """Images, true instances, and pseudo-labels that are true instances, in the layout that the configs name."""

    def write(name):
        root = tmp_path / 'data'
        if name.endswith('shapes'):
            script.main(['shapes', str(root / 'shapes_instances'), '--lengths', '6', '3'])
            made = root / 'shapes_instances' / 'train'
        else:
            voc = root / 'VOCdevkit' / 'VOC2012'
            voc.parent.mkdir(parents=True)
            voc.symlink_to(data / 'VOCdevkit' / 'VOC2012')
            voc = tmp_path / 'masks'
            label = VOC_CLASSES.index('cat')
            for folder, value in (('SegmentationClass', label), ('SegmentationObject', 2)):
                (voc / folder).mkdir(parents=True)
                mask = np.zeros(SIZE[::-1], np.uint8)
                mask[5:25, 5:30], mask[5] = value, 255
                for one in NAMES:
                    Image.fromarray(mask).save(voc / folder / f'{one}.png')
            for split in ('train', 'val'):
                (voc / 'ImageSets' / 'Segmentation').mkdir(parents=True, exist_ok=True)
                (voc / 'ImageSets' / 'Segmentation' / f'{split}.txt').write_text('\n'.join(NAMES))
            script.main(['voc', str(voc), str(root / 'VOCdevkit' / 'instances')])
            made = root / 'VOCdevkit' / 'instances' / 'train'
        (tmp_path / 'labels').mkdir()
        (tmp_path / 'labels' / 'coco-instances').symlink_to(made)
        monkeypatch.setenv('MMWSL_DATA_ROOT', str(root))
        monkeypatch.setenv('MMWSL_PSEUDO_LABELS', str(tmp_path / 'labels'))

    return write


def short(name, **options):
    """Load a config for one training step."""
    loader = dict(num_workers=0, persistent_workers=False, batch_size=1)
    options |= {
        f'{split}_dataloader.{key}': value for split in ('train', 'val', 'test') for key, value in loader.items()
    }
    options |= {'train_dataloader.dataset.indices': 1, 'train_cfg.val_interval': 1, 'param_scheduler': None}
    options |= {'train_cfg.max_epochs': 1} if name.endswith('shapes') else {'train_cfg.max_iters': 1}
    options |= {'default_hooks.checkpoint.interval': 1}
    cfg = load_config(CONFIGS[name], options, 'work')
    cfg.model.backbone.init_cfg = None
    return cfg


class MaskGradientHook(Hook):
    """Hook that keeps the gradients of a layer of the mask head."""

    def before_train(self, runner):
        self.gradients = []
        runner.model.roi_head.mask_head.convs[0].conv.weight.register_hook(self.gradients.append)


@needs_mmdet
@pytest.mark.parametrize('name', DETECTORS)
def test_a_detector_trains_and_is_evaluated_through_the_commands(name, files):
    files(name)
    cfg = short(name)
    assert cfg.default_scope == 'mmseg'
    shipped = Config.fromfile(CONFIGS[name])
    assert shipped.test_pipeline == shipped.test_dataloader.dataset.pipeline
    classes = len(shipped.metainfo.classes)
    assert [cfg.model.roi_head[part].num_classes for part in ('bbox_head', 'mask_head')] == [classes, classes]
    if name.endswith('voc'):
        cfg.model.backbone.update(depth=18)
        cfg.model.neck.update(in_channels=[64, 128, 256, 512])
        for pipeline in (cfg.train_dataloader.dataset.pipeline, cfg.test_dataloader.dataset.pipeline):
            next(step for step in pipeline if step.type == 'mmdet.Resize').scale = (64, 64)
    network = cfg.model.copy()
    watch = MaskGradientHook()
    train(cfg, hooks=[watch])
    assert watch.gradients and watch.gradients[0].abs().sum() > 0, 'no gradient of the mask loss'
    (checkpoint,) = Path('work').glob('*_1.pth')
    other = short(name)
    other.update(model=network, test_dataloader=cfg.test_dataloader, work_dir='tested')
    metrics = evaluate(other, str(checkpoint))
    assert {'AP25', 'AP50', 'AP75', 'ABO', 'masks_per_image'} <= metrics.keys()
    assert all(0 <= metrics[key] <= 100 for key in ('AP50', 'ABO'))


@needs_mmdet
def test_another_number_of_classes_than_that_of_the_files_is_rejected(files):
    files('psl_mask-rcnn_shapes')
    cfg = short('psl_mask-rcnn_shapes')
    cfg.model.roi_head.mask_head.num_classes = 5
    with pytest.raises(AssertionError, match=r'`num_classes` \(5\) in FCNMaskHead'):
        train(cfg)


def test_the_configs_name_what_they_need_without_mmdet(monkeypatch):
    """The error of a missing package says how to install it, in one line."""
    monkeypatch.setitem(sys.modules, 'mmdet.registry', None)
    monkeypatch.setitem(sys.modules, 'mmdet', None)
    monkeypatch.delitem(sys.modules, 'mmwsl.compat.mmdet', raising=False)
    with pytest.raises(ValueError, match=r'`custom_imports`: ImportError: This config needs MMDetection.*Install') as e:
        load_config(CONFIGS['psl_mask-rcnn_shapes'])
    assert 'mmwsl[instances]' in str(e.value) and '\n' not in str(e.value)


def test_true_instances_are_objects_of_the_layout(script, tmp_path):
    """Touching objects of a class are several instances, though their mask has one component."""
    pycocotools = pytest.importorskip('pycocotools.coco')
    script.main(['shapes', str(tmp_path), '--lengths', '40', '1'])
    from mmwsl.datasets.synthetic import draw_layout, render_mask

    coco = pycocotools.COCO(str(tmp_path / 'train' / 'annotations.json'))
    merged = 0
    for image in coco.imgs.values():
        objects = draw_layout(0, image['id'] - 1, 96, touching=True)
        annotations = coco.imgToAnns[image['id']]
        assert sorted(item['category_id'] for item in annotations) == sorted(item.label for item in objects)
        masks = np.array([coco.annToMask(item) for item in annotations])
        expected = render_mask(objects, 96)
        seen = np.zeros_like(expected)
        for item, mask in zip(annotations, masks, strict=True):
            seen[mask == 1] = item['category_id']
        np.testing.assert_array_equal(seen, expected)
        labels = [item.label for item in objects]
        merged += len(labels) > len(set(labels))
    assert merged >= 5
    content = json.loads((tmp_path / 'train' / 'annotations.json').read_text())
    assert len({item['id'] for item in content['annotations']}) == len(content['annotations'])
