"""Configs made short enough for a test: one training step on images of at most 128 pixels, narrow networks."""

import ast
import re
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmwsl.registry import MODELS
from mmwsl.utils.nested import dicts_in

FOLDER = Path(__file__).parents[2] / 'configs'
CONFIGS = {path.stem: path for path in sorted(FOLDER.rglob('*.py')) if '_base_' not in path.parts}
AFFINITIES = [name for name in CONFIGS if name.startswith(('psl_psa', 'psl_irn'))]
# The others predict instances, see test_instances.py, or affinities, see test_affinity.py.
SEGMENTORS = {name: path for name, path in CONFIGS.items() if 'mask-rcnn' not in name and name not in AFFINITIES}

# Channels of the layers that zoom-out features take from a backbone, and of the head's.
FEATURES = {
    'ResNetV1c': (64, 256, 512, 1024, 2048, 512),
    'mmwsl.CachedBackbone': (32, 16, 24, 32, 64, 96, 160, 320, 512),
}
STAGES = (64, 128, 256, 512, 512)
WIDE = {
    'mmwsl.VGG16': dict(channels=STAGES),
    'mmwsl.DeconvNetHead': dict(stages=STAGES),
    'mmwsl.CaffeNet': dict(channels=(96, 256, 384, 384, 256), fc_channels=4096),
    'UNet': dict(base_channels=64),
    'mmwsl.ValidUNet': dict(base_channels=64),
}


def bases_of(path):
    """Return the files that a config inherits."""
    source = re.sub(r'\{\{.*?\}\}', 'None', path.read_text())
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == '_base_':
            return [(path.parent / base).resolve() for base in ast.literal_eval(node.value)]
    return []


def parts_of(dataset):
    """Return the datasets that a dataset concatenates or wraps."""
    return dataset.get('datasets', [dataset.get('dataset', dataset)])


def short_config(name):
    """Load a config for one training step, without workers and downloads."""
    cfg = Config.fromfile(CONFIGS[name])
    if cfg.train_cfg.type == 'EpochBasedTrainLoop':
        cfg.train_cfg.update(max_epochs=1, val_interval=1)
    else:
        cfg.train_cfg.update(max_iters=1, val_interval=1)
    for loader in filter(None, (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader)):
        parts = parts_of(loader.dataset)
        loader.update(batch_size=len(parts), num_workers=0, persistent_workers=False)
        for part in parts:
            part.indices = 1
    if re.search('ASPP|Deconv', cfg.model.decode_head.type):  # normalizes one value an image: needs two images
        cfg.train_dataloader.batch_size = parts_of(cfg.train_dataloader.dataset)[0].indices = 2
    _shrink_images(cfg)
    _shrink_network(cfg.model)
    cfg.load_from = None  # the weights of a config that is trained first
    cfg.work_dir = 'work'
    return cfg


def _shrink_images(cfg):
    sizes = {224: 128, 320: 64, 448: 128, 500: 128, 512: 64}
    if 'Deconv' in cfg.model.decode_head.type:  # it does not pad: the input must have the size of the network
        del sizes[224]
    for part in dicts_in(cfg._cfg_dict):
        for key in ('scale', 'size', 'crop_size'):
            side = part.get(key, (0,))
            if isinstance(side, tuple) and set(side) <= sizes.keys():
                part[key] = tuple(sizes[pixels] for pixels in side)


def _shrink_network(model):
    if model.backbone.type in WIDE:
        _divide_width(model)
    if model.backbone.get('depth') == 101:
        model.backbone.depth = 50  # the same shapes
    if model.type == 'mmwsl.WeCLIP':  # the tiny CLIP
        model.backbone.layers = list(range(8))
        model.decode_head.in_channels = [32] * 8
    if 'box_backbone' in model:
        if model.box_backbone.type in WIDE:
            _divide_width(dict(network=model.box_backbone, head=model.box_head))
        elif 'crop_size' in model:
            model.crop_size = 64
        else:
            model.box_head.crop_size = 64
    for network in dicts_in([model.backbone, model.get('box_backbone')]):
        weights = network.get('init_cfg')
        if weights and ('://' in weights['checkpoint'] or 'vgg16' in weights['checkpoint']):
            network['init_cfg'] = None


def _divide_width(model):
    """Use a sixteenth of the channels of a network that takes seconds at its own width."""
    for part in dicts_in(model):
        for key, default in WIDE.get(part.get('type'), {}).items():
            part.setdefault(key, default)
        for key in ('base_channels', 'channels', 'fc_channels', 'in_channels', 'skip_channels', 'stages'):
            if key in part:
                part[key] = part[key] // 16 if isinstance(part[key], int) else tuple(n // 16 for n in part[key])


def write_affinity_networks(cfg):
    """Write random weights of the affinity networks that a config walks by."""
    for part in dicts_in(cfg.model.get('inference')):
        if part.get('type') == 'mmwsl.LearnedAffinityWalk':
            Path(part['checkpoint']).parent.mkdir(parents=True, exist_ok=True)
            with DefaultScope.overwrite_default_scope('mmseg'):
                network = MODELS.build(Config.fromfile(part['config']).model)
            torch.save(dict(state_dict=network.state_dict()), part['checkpoint'])


def write_svms(cfg):
    """Write the file of ``tools/fit_zoom_out.py`` with zeros."""
    width = sum(FEATURES.get(cfg.model.backbone.type, ()))
    for part in dicts_in(cfg.model.get('inference')):
        if part.get('type') == 'mmwsl.ZoomOutMaps':
            Path(part['svm']).parent.mkdir(parents=True)
            classes = cfg.model.decode_head.num_classes - 1
            torch.save(dict(weight=torch.zeros(classes, width), bias=torch.zeros(classes)), part['svm'])
