"""Synthetic JPEG images with labels, and a config that trains on them: no dataset is needed."""

import csv
from pathlib import Path

from mmcv.transforms import Resize
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image

from mmwsl.apis.config import load_config
from mmwsl.apis.registered import is_subclass
from mmwsl.registry import TRANSFORMS

CLASSES = ('background', 'circle', 'square', 'triangle', 'star', 'ring', 'cross')


def write_images(folder: Path, count: int, size: int = 500) -> None:
    """Write images of the synthetic shapes, unless they are there; the tables train.csv and val.csv list them."""
    if (folder / 'val.csv').exists():
        return
    (folder / 'images').mkdir(parents=True, exist_ok=True)
    pipeline = [dict(type='mmwsl.RenderShapesImage')]
    dataset = DATASETS.build(dict(type='mmwsl.ShapesDataset', length=count, size=size, pipeline=pipeline))
    rows = [('image', 'labels')]
    for index in range(count):
        item = dataset[index]
        Image.fromarray(item['img'][..., ::-1]).save(folder / 'images' / f'{index}.jpg', quality=90)
        names = [dataset.metainfo['classes'][label] for label in item['img_label']]
        rows.append((f'{index}.jpg', ' '.join(names)))
    for name in ('train.csv', 'val.csv'):
        with open(folder / name, 'w', newline='') as file:
            csv.writer(file).writerows(rows)


def folder_config(folder: Path, network: str, work_dir: Path, size: int, batch_size: int, iterations: int) -> Config:
    """Return the config of own images with random weights, and every layer trained."""
    cfg = load_config(f'folder/wsl_lse_{network}_folder', work_dir=str(work_dir))
    backbone = cfg.model.backbone
    if 'cache_dir' in backbone:
        backbone = backbone.backbone
        backbone.frozen = False
    backbone.init_cfg = None
    cfg.model.backbone = backbone
    cfg.model.data_preprocessor.size = (size, size)
    cfg.model.decode_head.num_classes = len(CLASSES)
    for part in ('train', 'val', 'test'):
        loader = cfg[f'{part}_dataloader']
        loader.dataset.update(data_root=str(folder), metainfo=dict(classes=CLASSES))
        for step in loader.dataset.pipeline:
            if is_subclass(step, TRANSFORMS, Resize):
                step.scale = (size, size)
    cfg.train_dataloader.batch_size = batch_size
    cfg.update(val_cfg=None, val_dataloader=None, val_evaluator=None)
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=iterations)
    cfg.param_scheduler = None
    cfg.default_hooks.checkpoint.interval = iterations
    cfg.visualizer.name = cfg.experiment_name = work_dir.name
    return cfg
