"""Datasets of the benchmark of classification, read by the datasets of the configs."""

import csv
import importlib.util
import sys

import numpy as np
import pytest
from PIL import Image

from mmwsl.annotations import write_mask
from mmwsl.datasets import VOCActionDataset, VOCWeakDataset
from mmwsl.datasets.classes import VOC_ACTIONS, VOC_CLASSES

PERSON, HORSE, DOG = (VOC_CLASSES.index(name) for name in ('person', 'horse', 'dog'))


@pytest.fixture
def benchmark(repository, tmp_path, monkeypatch):
    """The script, on two images: a person on a horse and one apart; a dog, and a label that the mask does not have."""
    monkeypatch.syspath_prepend(str(repository / 'benchmarks'))
    spec = importlib.util.spec_from_file_location('classification', repository / 'benchmarks' / 'classification.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules.pop('coco_format', None)
    root = tmp_path / 'voc6'
    for folder in ('JPEGImages', 'SegmentationClassAug', 'ImageSets/Segmentation'):
        (root / folder).mkdir(parents=True)
    monkeypatch.setattr(module, 'ROOT', root)
    rider, dog = np.zeros((2, 60, 90), np.uint8)
    rider[5:30, 10:35], rider[32:50, 5:40], rider[20:50, 60:85] = PERSON, HORSE, PERSON
    dog[10:40, 10:40] = DOG
    for name, mask in (('rider', rider), ('dog', dog)):
        Image.new('RGB', (90, 60)).save(root / 'JPEGImages' / f'{name}.jpg')
        write_mask(root / 'SegmentationClassAug' / f'{name}.png', mask, np.zeros((21, 3), np.uint8))
    with open(root / 'image_labels.csv', 'w', newline='') as file:
        csv.writer(file).writerows([('image', 'labels'), ('rider', 'person horse'), ('dog', 'dog person')])
    (root / 'ImageSets/Segmentation/part.txt').write_text('rider\ndog\n')
    return module


def test_who_touches_a_horse_rides_it(benchmark, tmp_path):
    benchmark.write_actions(tmp_path / 'voc', dict(train='part'))
    dataset = VOCActionDataset(data_root=str(tmp_path / 'voc'), label_split='train', test_mode=True, pipeline=[])
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    found = {tuple(info['box']): info['img_label'] for info in infos}
    assert found == {(10, 5, 34, 29): [VOC_ACTIONS.index('ridinghorse')], (60, 20, 84, 49): []}


def test_a_label_without_pixels_is_difficult(benchmark, tmp_path):
    benchmark.write_voc(tmp_path / 'voc', dict(val='part'), benchmark.read_labels())
    settings = dict(data_root=str(tmp_path / 'voc'), label_file='ImageSets/Main', label_split='val', pipeline=[])
    dataset = VOCWeakDataset(**settings, data_prefix=dict(img_path='JPEGImages'), difficult='unknown', test_mode=True)
    labels = {info['img_path'].rsplit('/')[-1]: info for info in map(dataset.get_data_info, range(len(dataset)))}
    assert labels['rider.jpg']['img_label'] == sorted([HORSE, PERSON])
    assert (labels['dog.jpg']['img_label'], labels['dog.jpg']['unknown_label']) == ([DOG], [PERSON])
