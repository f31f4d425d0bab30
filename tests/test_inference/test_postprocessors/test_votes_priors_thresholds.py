"""Superpixel votes, objectness priors and thresholds as post-processors."""

import json

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmwsl.functional import class_thresholds, objectness_prior, superpixel_majority, superpixel_mean
from mmwsl.inference.postprocessors import ClassThresholds, build_postprocessors


@pytest.fixture
def sample():
    torch.manual_seed(0)
    sample = SegDataSample()
    sample.superpixels = PixelData(data=torch.randint(0, 5, (1, 6, 7)))
    sample.objectness = PixelData(data=torch.rand(1, 6, 7))
    sample.saliency = PixelData(data=torch.rand(1, 6, 7))
    return sample


def test_postprocessors_read_their_field(sample):
    probs = torch.rand(3, 6, 7)
    superpixels = sample.superpixels.data[0]
    for config, expected in (
        (dict(type='mmwsl.SuperpixelVote'), superpixel_majority(probs, superpixels)),
        (dict(type='mmwsl.SuperpixelVote', reduction='mean'), superpixel_mean(probs, superpixels)),
        (dict(type='mmwsl.ObjectnessPrior'), objectness_prior(probs, sample.objectness.data[0])),
        (dict(type='mmwsl.ObjectnessPrior', field='saliency'), objectness_prior(probs, sample.saliency.data[0])),
        (dict(type='mmwsl.ObjectnessPrior', power=0.3), objectness_prior(probs, sample.objectness.data[0], 0.3)),
        (
            dict(type='mmwsl.ObjectnessPrior', relative=True),
            objectness_prior(probs, sample.objectness.data[0], relative=True),
        ),
        (dict(type='mmwsl.ClassThresholds', thresholds=0.7), class_thresholds(probs, torch.tensor([0.7, 0.7]))),
        (dict(type='mmwsl.ClassThresholds', thresholds=(0.7, 0.2)), class_thresholds(probs, torch.tensor([0.7, 0.2]))),
    ):
        (step,) = build_postprocessors([config])
        assert torch.equal(step(probs, sample), expected)


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (dict(type='mmwsl.SuperpixelVote'), 'SuperpixelVote needs the field `superpixels`.*ComputeSuperpixels'),
        (dict(type='mmwsl.ObjectnessPrior'), 'ObjectnessPrior needs the field `objectness`.*ComputeObjectness'),
        (dict(type='mmwsl.ObjectnessPrior', field='saliency'), "needs the field `saliency`.*key='saliency'"),
    ],
)
def test_a_missing_field_names_the_transform(config, message):
    (step,) = build_postprocessors([config])
    with pytest.raises(KeyError, match=message):
        step(torch.rand(3, 6, 7), SegDataSample())


def test_all_background_stays_background(sample):
    probs = torch.zeros(3, 6, 7)
    probs[0] = 1
    steps = build_postprocessors(
        [
            dict(type='mmwsl.ObjectnessPrior'),
            dict(type='mmwsl.ClassThresholds', thresholds=0.5),
            dict(type='mmwsl.SuperpixelVote'),
        ]
    )
    for step in steps:
        probs = step(probs, sample)
    assert not probs.argmax(0).any()


@pytest.mark.parametrize(
    ('content', 'error', 'message'),
    [
        (None, FileNotFoundError, r'tools/tune_thresholds\.py'),
        ('{', ValueError, 'must be JSON with the keys `thresholds` and `tuned_on`'),
        (json.dumps([0.5]), ValueError, 'must be JSON'),
        (json.dumps(dict(thresholds=[0.5])), ValueError, 'tuned_on'),
        (
            json.dumps(dict(thresholds=[float('nan')], tuned_on='x')),
            ValueError,
            r'number in \[0, 1\], or a list',
        ),
        (
            json.dumps(dict(thresholds=None, tuned_on='x')),
            ValueError,
            r'`thresholds` must be a number in \[0, 1\], .*, got None',
        ),
    ],
)
def test_bad_threshold_files(content, error, message, tmp_path):
    path = tmp_path / 'thresholds.json'
    if content is not None:
        path.write_text(content)
    with pytest.raises(error, match=message):
        ClassThresholds(path)


@pytest.mark.parametrize(
    'config',
    [
        dict(type='mmwsl.SuperpixelVote'),
        dict(type='mmwsl.ObjectnessPrior'),
        dict(type='mmwsl.ClassThresholds', thresholds=0.5),
        dict(type='mmwsl.LogitSoftmax'),
    ],
)
def test_nan_raises_an_error(config, sample):
    (step,) = build_postprocessors([config])
    probs = torch.rand(3, 6, 7)
    probs[1, 2, 3] = torch.nan
    with pytest.raises(ValueError, match=f'{type(step).__name__}: `probs` must not be NaN'):
        step(probs, sample)


def test_an_unknown_reduction_raises_an_error():
    with pytest.raises(ValueError, match="`reduction` must be one of.*'loud'"):
        build_postprocessors([dict(type='mmwsl.SuperpixelVote', reduction='loud')])
