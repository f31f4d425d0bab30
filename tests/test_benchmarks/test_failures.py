"""The benchmark that shows where masks fail: counts by hand and a grid of real images."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

VOC6 = Path(os.environ.get('MMWSL_DATA_ROOT', 'data'), 'voc6')
pytestmark = pytest.mark.skipif(not VOC6.is_dir(), reason='needs the dataset voc6')
PERSON = 15  # index of VOC


def images_with_person(count):
    """Return images of train of a person and one other class, and that class."""
    with open(VOC6 / 'image_labels.csv', newline='') as file:
        labels = {row['image']: row['labels'].split() for row in csv.DictReader(file)}
    train = (VOC6 / 'ImageSets/Segmentation/train.txt').read_text().split()
    chosen = [name for name in train if len(labels[name]) == 2 and 'person' in labels[name]][:count]
    return {name: next(label for label in labels[name] if label != 'person') for name in chosen}


def truth(name):
    """Read the ground truth of an image."""
    return np.asarray(Image.open(VOC6 / f'SegmentationClassAug/{name}.png'))


def test_a_class_that_is_labeled_background(repository, tmp_path):
    first, second, uncertain = images_with_person(3)
    masks, figure = tmp_path / 'masks', tmp_path / 'failures.png'
    masks.mkdir()
    for name, label in ((first, 0), (second, 0), (uncertain, 255)):
        Image.fromarray(np.full_like(truth(name), label)).save(masks / f'{name}.png')
    options = ['--class', 'person', '--count', '2', '--out', str(figure)]
    run = subprocess.run(
        [sys.executable, 'benchmarks/failures.py', str(masks), *options],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    assert 'person: 3 images, beside ' in run.stdout
    assert 'its pixels are labeled background 100%\nwhat is labeled person is nothing\n' in run.stdout
    assert all((truth(name) == PERSON).any() for name in (first, second))
    worst = [line.split(':')[0] for line in run.stdout.splitlines() if 'person 0.00' in line]
    assert sorted(worst) == sorted([first, second])
    with Image.open(figure) as image:
        assert image.width > 2 * 80 and image.height > 3 * 80  # an image and two masks of it in each column
