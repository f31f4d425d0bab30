"""Evaluation of a project: its predictions, and their IoU."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from mmwsl.annotations import read_mask, write_mask
from mmwsl.apis.project.evaluation import compare_masks, predict_validation
from mmwsl.apis.project.layout import Project
from mmwsl.utils.console import quiet
from mmwsl.utils.files import write_json


def test_predictions_by_another_config_are_made_again(data, finished, tmp_path):
    project = Project(shutil.copytree(finished.root, tmp_path / 'shapes'))
    names = project.read_summary()['split']['val']
    files = sorted((project.predictions / 'masks').rglob('*.png'))
    masks = [read_mask(file) for file in files]

    def predict():
        with quiet(tmp_path / 'log') as console:
            return predict_validation(project, data.images, names, console)

    predict()  # the folder has moved
    write_mask(files[0], 1 - np.minimum(masks[0], 1), [[0, 0, 0], [255, 255, 255]])
    predict()
    assert (read_mask(files[0]) != masks[0]).any()  # of this network: finished work
    manifest = project.predictions / 'manifest.json'
    write_json(manifest, json.loads(manifest.read_text()) | dict(digest='of an earlier version'))
    assert len(predict().entries) == len(names)
    assert all(np.array_equal(read_mask(file), mask) for file, mask in zip(files, masks, strict=True))


def test_an_image_without_a_labeled_pixel_counts_nothing(tmp_path):
    project = Project(tmp_path)
    project.predictions.mkdir(parents=True)
    pairs = dict(
        half=([[0, 1], [1, 1]], [[0, 0], [1, 1]]), right=([[0, 0]], [[0, 0]]), ignored=([[0, 1]], [[255, 255]])
    )
    masks = {}
    for name, (prediction, truth) in pairs.items():
        masks[name] = tmp_path / f'{name}.png'
        Image.fromarray(np.uint8(prediction)).save(project.predictions / f'{name}.png')
        Image.fromarray(np.uint8(truth)).save(masks[name])
    predicted = SimpleNamespace(entries={name: dict(mask=f'{name}.png') for name in pairs})
    found = compare_masks(project, predicted, masks, ['background', 'cat'])
    # Background: 3 of 4 pixels, cat: 2 of 3; images: half of 1/2 and 2/3, and 1.
    assert found['mIoU'] == pytest.approx(100 * (3 / 4 + 2 / 3) / 2, abs=0.01) and found['images'] == 3
    assert found['mean_image_mIoU'] == pytest.approx(100 * ((1 / 2 + 2 / 3) / 2 + 1) / 2, abs=0.01)
