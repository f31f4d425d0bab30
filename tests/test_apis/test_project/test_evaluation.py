"""Evaluation of a project: its predictions."""

import json
import shutil

import numpy as np

from mmwsl.annotations import read_mask, write_mask
from mmwsl.apis.project.evaluation import predict_validation
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
