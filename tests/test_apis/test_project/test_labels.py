"""Pseudo-labels of a project: scores of several views, objectness and CRF of the image."""

import copy
import json
import shutil

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image

from mmwsl.annotations.score_file import read_codes
from mmwsl.apis.config import load_config
from mmwsl.apis.inferencer import WeakSegInferencer
from mmwsl.apis.project import Project
from mmwsl.apis.project.labels import project_items
from mmwsl.apis.pseudo_labels.refinement import refine_scores
from mmwsl.cli.main import main
from mmwsl.datasets.transforms import ComputeObjectness
from mmwsl.functional import CRF_PRESETS, DEQUANTIZED, class_thresholds, dense_crf, logit_softmax
from mmwsl.inference.postprocessors import ObjectnessPrior


@pytest.fixture(scope='module')
def varied(finished, tmp_path_factory):
    """The finished project, labeled again by a network whose scores differ from pixel to pixel."""
    project = Project(shutil.copytree(finished.root, tmp_path_factory.mktemp('varied') / 'shapes'))
    checkpoint = str(project.labeler()[1])
    inferencer = WeakSegInferencer(load_config(project.config), checkpoint)
    norms = [module for module in inferencer.model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    inferencer(image)
    content = torch.load(checkpoint, weights_only=True)
    content['state_dict'] = inferencer.model.state_dict()
    torch.save(content, checkpoint)
    shutil.rmtree(project.labels)
    # test_affinity.py compares the masks after the walk.
    project.write_summary({key: value for key, value in project.read_summary().items() if key != 'affinity'})
    main(['label', str(project.root)])
    return project


def test_scores_are_the_mean_over_three_sizes_and_mirror_images(varied):
    cfg = load_config(varied.config)
    assert [step['scale'] for step in cfg.tta_pipeline[-1].transforms[0]] == [(48, 48), (64, 64), (80, 80)]
    cfg.model.inference = dict(postprocessors=[])
    inferencers = []
    for side in (48, 64, 80):
        sized = copy.deepcopy(cfg)
        (resize,) = (step for step in sized.test_dataloader.dataset.pipeline if step.type == 'Resize')
        resize.scale = (side, side)
        inferencers.append(WeakSegInferencer(sized, str(varied.labeler()[1])))
    for item in [item for item in project_items(varied) if item.labels][:3]:
        image = np.asarray(Image.open(item.img_path).convert('RGB'))[..., ::-1]
        views = []
        for inferencer in inferencers:
            for step in (1, -1):
                view = np.ascontiguousarray(image[:, ::step])
                prediction = inferencer(view, return_scores=True)['predictions'][0]
                views.append(prediction['scores'][..., ::step])
        labels = list(item.labels)
        stored, expected = DEQUANTIZED[read_codes(item.scores)][labels], np.mean(views, 0)[labels]
        np.testing.assert_allclose(stored, expected, atol=0.01)  # 8 bits
        assert np.abs(views[2][labels] - expected).max() > 0.03


def test_masks_follow_the_thresholds_the_objectness_and_the_crf(varied):
    chosen = json.loads((varied.labels / 'thresholds.json').read_text())['thresholds']
    logits = torch.tensor(chosen, dtype=torch.float64).logit()
    for item in [item for item in project_items(varied) if item.labels][:3]:
        scores = torch.from_numpy(DEQUANTIZED[read_codes(item.scores)]).float()
        image = np.asarray(Image.open(item.img_path).convert('RGB'))
        objectness = ComputeObjectness(kind='mask')(dict(img=image[..., ::-1].copy(), img_path=''))['objectness']
        refined = []
        for distance in (-0.5, 0.5):
            probs = class_thresholds(scores, (logits + distance).sigmoid().float())
            probs = torch.cat([probs[:1] * float(objectness.mean()), probs[1:] * torch.from_numpy(objectness)])
            colors = torch.from_numpy(image.copy()).permute(2, 0, 1)
            plausible = (probs := logit_softmax(probs, 2.0)).flatten(1).amax(1) >= 0.01
            plausible[0] = True
            refined.append(dense_crf(probs, colors, CRF_PRESETS['ccnn'], None, plausible))
        mean = torch.stack(refined).mean(0)
        mean[1:][~scores[1:].flatten(1).any(1)] = 0
        highest, classes = mean[1:].max(0)
        expected = torch.where(highest > 0.75, classes + 1, torch.where(highest <= 0.25, 0, 255)).numpy()
        assert np.mean(np.asarray(Image.open(item.mask)) == expected) > 0.999


def test_stored_scores_get_the_objectness_of_their_image(tmp_path):
    rng = np.random.default_rng(0)
    image = np.full((48, 64, 3), 40, np.uint8)
    image[10:30, 20:50] = (200, 60, 90)
    image += rng.integers(0, 9, image.shape, np.uint8)
    Image.fromarray(image).save(tmp_path / 'image.png')
    codes = rng.integers(1, 256, (3, 48, 64), np.uint8)
    sample = SegDataSample()
    objectness = ComputeObjectness(kind='mask')(dict(img=image[..., ::-1].copy(), img_path=''))['objectness']
    sample.objectness = PixelData(data=torch.from_numpy(objectness)[None])
    assert objectness.std() > 0.05
    expected = ObjectnessPrior()(torch.from_numpy(DEQUANTIZED[codes]).float(), sample)
    result = refine_scores(codes, [dict(type='mmwsl.ObjectnessPrior')], str(tmp_path / 'image.png'))
    np.testing.assert_array_equal(result, expected)
