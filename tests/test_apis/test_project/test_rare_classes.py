"""Images of rare classes are repeated for the segmentor of a project."""

import math
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS

from mmwsl.apis.config import load_config
from mmwsl.apis.project.configs import PROJECT, SEGMENTORS, TrainingConfig, TrainingSet, rare_below

from .conftest import SIZE


def labels_of(data, names):
    rows = (row.split('\t') for row in (data.root / 'labels.tsv').read_text().splitlines()[1:])
    table = {name: set(filter(None, labels.split('; '))) for name, labels in rows}
    return {name: table[name] for name in names}


def expected_repeats(labels):
    """LVIS (Gupta et al., CVPR 2019), section A.1: max over the classes of sqrt(t / f), rounded up; t = 0.75 mean f."""
    frequency = {
        label: sum(label in other for other in labels.values()) / len(labels)
        for present in labels.values()
        for label in present
    }
    limit = 0.75 * sum(frequency.values()) / len(frequency)
    return {
        name: math.ceil(max([1, *(math.sqrt(limit / frequency[label]) for label in present)]))
        for name, present in labels.items()
    }


def images(dataset):
    return [Path(dataset.get_data_info(index)['img_path']).name for index in range(len(dataset))]


def test_only_the_segmentor_sees_images_of_rare_classes_more_often(data, finished):
    train = [name for name in data.names if name not in data.val]
    expected = expected_repeats(labels_of(data, train))
    assert set(expected.values()) == {1, 2}  # some are rare
    cfg = load_config(finished.segmentor_config)
    seen = images(DATASETS.build(cfg.train_dataloader.dataset))
    assert {name: seen.count(Path(name).name) for name in train} == expected
    # an epoch of `--epochs 1` has the repeated images
    assert cfg.train_cfg.max_iters == round(len(seen) / cfg.train_dataloader.batch_size)
    for path in (finished.config, finished.affinity_config):
        assert 'ClassBalancedDataset' not in path.read_text()


def test_images_with_masks_are_repeated_beside_those_of_rare_classes(data, finished, tmp_path):
    train = [name for name in data.names if name not in data.val]
    parts = dict(train_masks=train[:4], train_pseudo=train[4:])
    (tmp_path / 'labels').symlink_to(finished.labels)
    (tmp_path / 'data').mkdir()
    lines = (finished.data / 'train_pseudo.jsonl').read_text().splitlines()
    for part, names in parts.items():
        kept = [line for line in lines if any(f'"{name}"' in line for name in names)]
        (tmp_path / f'data/{part}.jsonl').write_text('\n'.join(kept) + '\n')
        assert len(kept) == len(names)
    classes = finished.read_summary()['classes']
    given = labels_of(data, parts['train_pseudo'])
    rare = rare_below(np.array([[name in present for name in classes[1:]] for present in given.values()]))
    config = TrainingConfig(
        text='Test.',
        base=SEGMENTORS['mobilenet_v2'],
        images=data.images,
        classes=classes,
        masks=data.root / 'masks',
        parts=[TrainingSet('train_masks', 'masks', 3), TrainingSet('train_pseudo', f'{PROJECT}/labels/masks', 1, rare)],
        model={},
        base_side=448,
        side=SIZE,
        batch_size=4,
    )
    config.write(tmp_path / 'segmentor.py')
    seen = images(DATASETS.build(Config.fromfile(tmp_path / 'segmentor.py').train_dataloader.dataset))
    found = {name: seen.count(Path(name).name) for name in train}
    assert found == {name: 3 for name in parts['train_masks']} | expected_repeats(given)
    assert 2 in found.values()


@pytest.mark.parametrize(
    'counts, limit',
    [
        ((50, 50), 0),
        ((51, 49), 0),  # chance is no rarity: the rare class would become the frequent one
        ((40, 40), 0),  # neither are images of the background
        ((30, 0), 0),  # a class alone
        ((80, 20), 0.375),
        ((30, 30, 36, 4), 0.1875),
    ],
)
def test_a_class_is_rare_below_three_quarters_of_the_mean_frequency(counts, limit):
    labels = np.zeros((100, len(counts)), int)
    start = 0
    for index, count in enumerate(counts):
        labels[start : start + count, index] = 1
        start += count
    labels[labels.sum(1) == 0] = -1  # unknown ones do not count
    assert rare_below(labels) == pytest.approx(limit, abs=1e-4)
