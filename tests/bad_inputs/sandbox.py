"""The folder that every case gets a copy of: labeled images, masks, configs, and what the commands made of them."""

import shlex
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from mmwsl.datasets.shapes import SHAPES_CLASSES
from mmwsl.datasets.synthetic import draw_layout, render_image, render_mask

from .harness import run

SIZE = 48
CLASSES = ('background', *sorted(SHAPES_CLASSES[1:]))  # the order that `mmwsl run` gives them
VALUES = np.array([CLASSES.index(name) for name in SHAPES_CLASSES], np.uint8)
NAMES = [*(f'{index:02d}' for index in range(11)), 'sub/00']
VAL = NAMES[8:]

CONFIG = """_base_ = ['wsl_lse_shapes']
classes = ('background', 'circle', 'cross', 'ring', 'square', 'star', 'triangle')
data = dict(
    _delete_=True, type='mmwsl.FolderWeakDataset', data_root='.', metainfo=dict(classes=classes), img_suffix='.png',
    seg_map_suffix='.png', data_prefix=dict(img_path='images', seg_map_path='masks'),
    label_cfg=dict(label_column='labels', separator=';'))
train_pipeline = [dict(type='mmwsl.LoadImageAsBGR'), dict(type='mmwsl.PackImageLabelInputs')]
test_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'), dict(type='mmwsl.KeepOriginalImage'), dict(type='LoadAnnotations'),
    dict(type='mmwsl.PackImageLabelInputs')]
train_dataloader = dict(
    batch_size=4, num_workers=0, persistent_workers=False,
    dataset=dict(label_file='train.csv', pipeline=train_pipeline, **data))
val_dataloader = dict(
    num_workers=0, persistent_workers=False,
    dataset=dict(label_file='val.csv', pipeline=test_pipeline, test_mode=True, **data))
test_dataloader = val_dataloader
tta_model = dict(type='mmwsl.WeakSegTTAModel')
param_scheduler = None
train_cfg = dict(max_epochs=2, val_interval=2)
"""
"""Weak labels, and masks for the evaluation."""

SUPERVISED = """_base_ = ['wsl.py']
model = dict(
    _delete_=True, type='EncoderDecoder', data_preprocessor={{_base_.model.data_preprocessor}},
    backbone=dict(type='mmwsl.PlainCNN', channels=(8, 8), strides=(2, 1), pools=(0, 0), norm_cfg=dict(type='BN')),
    decode_head=dict(
        type='FCNHead', in_channels=8, in_index=-1, channels=8, num_convs=1, concat_input=False, num_classes=7,
        norm_cfg=dict(type='BN'), align_corners=False, loss_decode=dict(type='CrossEntropyLoss')),
    train_cfg=dict(), test_cfg=dict(mode='whole'))
train_pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='PackSegInputs')]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_evaluator = test_evaluator = dict(_delete_=True, type='IoUMetric', iou_metrics=['mIoU'])
"""
"""Masks for the training."""

COMMANDS = (
    'train wsl.py --work-dir work',
    'train fsl.py --work-dir supervised',
    'generate-pseudo-labels wsl.py work/epoch_2.pth --out pseudo --work-dir pseudo_log',
    'run images --labels labels.csv --val val.txt --masks masks --out project --no-pretrained --epochs 1',
)


def write_data(root: Path) -> None:
    """Write images, masks, a table of labels for all of them and for each split, and a list of validation images."""
    rows: dict[str, str] = {}
    for index, name in enumerate(NAMES):
        objects = draw_layout(3, index + 5, SIZE)
        rows[name] = f'{name}.png,{";".join(sorted({SHAPES_CLASSES[item.label] for item in objects}))}'
        for folder, pixels in (
            ('images', render_image(objects, SIZE, 3, index)),
            ('masks', VALUES[render_mask(objects, SIZE)]),
        ):
            path = root / folder / f'{name}.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    for file, names in (('labels', NAMES), ('train', [name for name in NAMES if name not in VAL]), ('val', VAL)):
        write_table(root / f'{file}.csv', *(rows[name] for name in names))
    (root / 'val.txt').write_text(''.join(f'{name}.png\n' for name in VAL))


def write_table(path: Path, *rows: str, header: str = 'image,labels') -> None:
    """Write a table of labels."""
    path.write_text('\n'.join((header, *rows)) + '\n')


def make(root: Path) -> Path:
    """Make the folder, with a checkpoint, pseudo-labels and a project of its images."""
    from mmwsl.apis.config import find_config

    root.mkdir(parents=True)
    write_data(root)
    base = str(find_config('wsl_lse_shapes'))
    (root / 'wsl.py').write_text(CONFIG.replace('wsl_lse_shapes', base))
    (root / 'fsl.py').write_text(SUPERVISED)
    for command in COMMANDS:
        code, out, err = run(shlex.split(command), root, 600)
        if code != 0:  # None if the time was up
            raise RuntimeError(f'{command}: exit code {code}\n{out}\n{err}')
    torch.save(dict(state_dict={'layer1.0.conv1.weight': torch.zeros(4, 3, 3, 3)}), root / 'imagenet.pth')
    return root
