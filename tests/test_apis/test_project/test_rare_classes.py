"""Images of rare classes are repeated for the segmentor of a project."""

import math
from pathlib import Path

import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS

from mmwsl.apis.config import load_config
from mmwsl.apis.project.configs import PROJECT, SEGMENTORS, TrainingConfig, TrainingSet

from .conftest import SIZE


def labels_of(data, names):
    rows = (row.split('\t') for row in (data.root / 'labels.tsv').read_text().splitlines()[1:])
    table = {name: set(filter(None, labels.split('; '))) for name, labels in rows}
    return {name: table[name] for name in names}


def expected_repeats(labels, num_classes):
    """LVIS (Gupta et al., CVPR 2019), section A.1: max over the classes of sqrt(t / f), rounded up, t = 1 / classes."""
    frequency = {
        label: sum(label in other for other in labels.values()) / len(labels)
        for present in labels.values()
        for label in present
    }
    return {
        name: math.ceil(max([1, *(math.sqrt(1 / num_classes / frequency[label]) for label in present)]))
        for name, present in labels.items()
    }


def images(dataset):
    return [Path(dataset.get_data_info(index)['img_path']).name for index in range(len(dataset))]


def test_only_the_segmentor_sees_images_of_rare_classes_more_often(data, finished):
    train = [name for name in data.names if name not in data.val]
    expected = expected_repeats(labels_of(data, train), 6)
    assert {1, 2} <= set(expected.values())  # some are rare
    cfg = load_config(finished.segmentor_config)
    seen = images(DATASETS.build(cfg.train_dataloader.dataset))
    assert {name: seen.count(Path(name).name) for name in train} == expected
    # an epoch of `--epochs 1` has the repeated images
    assert cfg.train_cfg.max_iters == round(len(seen) / cfg.train_dataloader.batch_size)
    for path in (finished.config, finished.affinity_config):
        assert 'ClassBalancedDataset' not in path.read_text()


@pytest.mark.parametrize('balanced', [True, False])
def test_images_with_masks_are_repeated_beside_those_of_rare_classes(data, finished, tmp_path, balanced):
    """Each kind of supervision by the frequencies of its own images."""
    train = [name for name in data.names if name not in data.val]
    parts = dict(train_masks=train[:4], train_pseudo=train[4:])
    (tmp_path / 'labels').symlink_to(finished.labels)
    cfg = load_config(finished.segmentor_config)
    for part, names in parts.items():
        lines = (finished.data / 'train_pseudo.jsonl').read_text().splitlines()
        kept = [line for line in lines if any(f'"{name}"' in line for name in names)]
        (tmp_path / 'data').mkdir(exist_ok=True)
        (tmp_path / f'data/{part}.jsonl').write_text('\n'.join(kept) + '\n')
        assert len(kept) == len(names)
    config = TrainingConfig(
        text='Test.',
        base=SEGMENTORS['mobilenet_v2'],
        images=data.images,
        classes=list(cfg.train_dataloader.dataset.dataset.metainfo.classes),
        masks=data.root / 'masks',
        parts=[TrainingSet('train_masks', 'masks', 3), TrainingSet('train_pseudo', f'{PROJECT}/labels/masks')],
        model={},
        base_side=448,
        side=SIZE,
        batch_size=4,
        balanced=balanced,
    )
    config.write(tmp_path / 'segmentor.py')
    seen = images(DATASETS.build(Config.fromfile(tmp_path / 'segmentor.py').train_dataloader.dataset))
    for part, times in (('train_masks', 3), ('train_pseudo', 1)):
        expected = expected_repeats(labels_of(data, parts[part]), 6 if balanced else 10**9)
        found = {name: seen.count(Path(name).name) for name in parts[part]}
        assert found == {name: times * count for name, count in expected.items()}


def test_one_foreground_class_is_not_balanced(data):
    """There is no other class, and the images without it are no class."""
    settings = dict(text='Test.', base=SEGMENTORS['mobilenet_v2'], images=data.images, masks=None, model={})
    one = TrainingConfig(
        classes=['background', 'crack'], parts=[TrainingSet('train')], base_side=448, balanced=True, **settings
    )
    assert 'ClassBalancedDataset' not in one.render()
