"""Two images, with labels and masks, in the layout of each dataset that a config names."""

import csv
import importlib.util
import json

import numpy as np
import pytest
import torch
from PIL import Image

from mmwsl.apis.pseudo_labels.store import write_scores
from mmwsl.datasets import COCOWeakDataset, VOCActionDataset, VOCWeakDataset
from mmwsl.models import DilatedEfficientNetLite, DilatedMobileNetV2, DilatedTIMMBackbone
from tests.conftest import write_images
from tests.tiny_transformers import write_clip, write_sam, write_vision

NAMES = ('one', 'two')
JPEGS = [f'{name}.jpg' for name in NAMES]
SIZE = (40, 30)  # width, height


def write_mask(path, label):
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros(SIZE[::-1], np.uint8)
    mask[:10, :10], mask[0, 0] = label, 255
    Image.fromarray(mask).save(f'{path}.png')


def write_table(path, rows):
    with open(path, 'w', newline='') as file:
        csv.writer(file).writerows([('image', 'labels'), *rows])


def write_voc(root, mask_folder, lists):
    write_images(root / 'JPEGImages', JPEGS, SIZE)
    for name in NAMES:
        write_mask(root / mask_folder / name, VOCWeakDataset.METAINFO['classes'].index('cat'))
    for name in lists:
        path = root / 'ImageSets' / 'Segmentation' / f'{name}.txt'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('\n'.join(NAMES))
    path.with_stem('train').write_text(NAMES[0])  # the images whose masks a semi-supervised config may open


def write_voc_boxes(folder):
    folder.mkdir()
    for name in NAMES:
        (folder / f'{name}.xml').write_text(
            f'<annotation><size><width>{SIZE[0]}</width><height>{SIZE[1]}</height></size><object><name>cat</name>'
            '<difficult>0</difficult><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>10</xmax><ymax>10</ymax></bndbox>'
            '</object></annotation>'
        )


def write_voc_lists(root, dataset, splits, numbers=('', '')):
    """Write a list per class and split; the last class of the first image is difficult, the second has none."""
    classes = dataset.METAINFO['classes'][1:]
    for split in splits:
        for name in classes:
            value = 1 if name == classes[0] else 0 if name == classes[-1] else -1
            path = root / f'{name}_{split}.txt'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f'{NAMES[0]} {numbers[0]} {value}\n{NAMES[1]} {numbers[1]} -1\n')


def write_coco(root):
    categories = [dict(id=i, name=name) for i, name in enumerate(COCOWeakDataset.METAINFO['classes'][1:], 1)]
    images = [dict(id=i, file_name=f'{name}.jpg') for i, name in enumerate(NAMES)]
    annotations = [dict(id=0, image_id=0, category_id=1, iscrowd=0, bbox=[0, 0, 10, 10])]
    (root / 'annotations').mkdir(parents=True)
    for split in ('train2017', 'val2017', 'train2014', 'val2014'):
        write_images(root / split, JPEGS, SIZE)
        for name in NAMES:
            write_mask(root / 'masks' / split / name, 1)
        (root / 'annotations' / f'instances_{split}.json').write_text(
            json.dumps(dict(images=images, annotations=annotations, categories=categories))
        )


@pytest.fixture(scope='session')
def data(tmp_path_factory):
    """A folder with the images of each dataset, and weights in the shape of the pretrained ones."""
    root = tmp_path_factory.mktemp('data')
    write_voc(root / 'voc6', 'SegmentationClassAug', ('train_aug', 'val'))
    write_table(root / 'voc6' / 'image_labels.csv', [('one', 'cat'), ('two', 'dog person')])
    voc = root / 'VOCdevkit' / 'VOC2012'
    for folder in ('SegmentationClass', 'SegmentationClassAug'):
        write_voc(voc, folder, ('train_aug', 'val'))
    write_voc_boxes(voc / 'Annotations')
    write_voc_lists(voc / 'ImageSets' / 'Main', VOCWeakDataset, ('train', 'val'))
    write_voc_lists(voc / 'ImageSets' / 'Action', VOCActionDataset, ('train', 'val'), (1, 1))
    write_images(voc.with_name('VOC2007') / 'JPEGImages', JPEGS, SIZE)
    write_voc_lists(voc.with_name('VOC2007') / 'ImageSets' / 'Main', VOCWeakDataset, ('trainval', 'test'))
    scenes = [f'{folder}/{name}' for folder in ('kitchen', 'bedroom') for name in JPEGS]
    write_images(root / 'mit67' / 'Images', scenes, SIZE)
    (root / 'mit67' / 'TrainImages.txt').write_text('\n'.join(scenes[::2]))
    (root / 'mit67' / 'TestImages.txt').write_text('\n'.join(scenes[1::2]))
    write_images(root / 'scene15', [f'{folder}/{i}.jpg' for folder in ('kitchen', 'bedroom') for i in range(102)], SIZE)
    write_coco(root / 'coco')
    write_images(root / 'folder' / 'images', JPEGS, SIZE)
    for name in NAMES:
        write_mask(root / 'pseudo_labels' / 'masks' / name, 1)
        write_scores(root / 'pseudo_labels' / 'scores' / f'{name}.npz', torch.full((7, *SIZE[::-1]), 0.5))
        write_mask(root / 'folder' / 'masks' / name, 1)
    for split in ('train', 'val'):
        write_table(root / 'folder' / f'{split}.csv', [('one', 'cat'), ('two', '')])
    write_images(root / 'imagenet_voc', ['cat/one.JPEG', 'background/two.JPEG'], SIZE)
    for name in NAMES:
        write_scores(root / 'objectness' / 'scores' / f'{name}.npz', torch.full((2, *SIZE[::-1]), 0.5))
    halves = np.zeros((2, *SIZE[::-1]), bool)
    halves[0, :, :20], halves[1, :15] = True, True
    (root / 'sam_masks').mkdir()
    for name in NAMES:
        np.savez(root / 'sam_masks' / f'{name}.npz', masks=halves, scores=np.ones(2))
    torch.manual_seed(0)
    if importlib.util.find_spec('transformers'):
        write_clip(root / 'clip-vit-base-patch16', patch=16, layers=8)
        write_sam(root / 'sam-vit-base')
        write_vision(root / 'dino-vitb8', 'ViT', patch_size=8)
        deit = dict(hidden_size=384, intermediate_size=16, num_hidden_layers=12, num_attention_heads=6, patch_size=16)
        write_vision(root / 'deit-small-patch16-224', 'ViT', **deit)
        base = dict(deit, hidden_size=768, num_hidden_layers=3, num_attention_heads=12)
        write_vision(root / 'deit-base-patch16-224', 'ViT', **base)
    if importlib.util.find_spec('timm'):
        torch.save(DilatedTIMMBackbone('resnet18').timm_model.state_dict(), root / 'resnet18_imagenet.pth')
    torch.save(DilatedMobileNetV2(last_conv=True).state_dict(), root / 'mobilenet_v2_imagenet.pth')
    for arch in ('lite0', 'lite2'):
        network = DilatedEfficientNetLite(arch, last_conv=True)
        torch.save(network.state_dict(), root / f'tf_efficientnet_{arch}_imagenet.pth')
    return root


@pytest.fixture(autouse=True)
def roots(data, tmp_path, monkeypatch):
    """The variables that configs read lead to the folder above; the working directory is empty."""
    monkeypatch.setenv('MMWSL_DATA_ROOT', str(data))
    monkeypatch.setenv('MMWSL_WEIGHTS_ROOT', str(data))
    monkeypatch.setenv('MMWSL_PSEUDO_LABELS', str(data / 'pseudo_labels'))
    monkeypatch.setenv('MMWSL_OBJECTNESS', str(data / 'objectness'))
    monkeypatch.chdir(tmp_path)
