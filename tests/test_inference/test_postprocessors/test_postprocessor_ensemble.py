"""Ensemble of post-processing pipelines."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmwsl.functional import CRF_PRESETS, class_thresholds, dense_crf, double_threshold, logit_softmax
from mmwsl.inference.postprocessors import PostProcessorEnsemble, build_postprocessors


def _thresholds(*values, **kwargs):
    return [[dict(type='mmwsl.ClassThresholds', thresholds=value, **kwargs)] for value in values]


def test_the_result_is_the_mean_of_all_pipelines():
    probs = torch.rand(3, 4, 5)
    before = probs.clone()
    (ensemble,) = build_postprocessors(
        [dict(type='mmwsl.PostProcessorEnsemble', pipelines=[*_thresholds(0.2, 0.8), []])]
    )
    low, high = (class_thresholds(probs, torch.tensor([value, value])) for value in (0.2, 0.8))
    torch.testing.assert_close(ensemble(probs, SegDataSample()), (low + high + probs) / 3)
    assert torch.equal(probs, before)


def test_pixels_on_which_the_crfs_of_two_backgrounds_disagree_are_ignored():
    torch.manual_seed(0)
    image = torch.full((3, 12, 16), 40, dtype=torch.uint8)
    image[:, :, 8:] = 200
    probs = torch.zeros(2, 12, 16)
    probs[1] = torch.linspace(0, 1, 16)
    crf = [dict(type='mmwsl.LogitSoftmax'), dict(type='mmwsl.DenseCRF', preset='ccnn')]
    pipelines = [thresholds + crf for thresholds in _thresholds(0.1, 0.9)]
    sample = SegDataSample(image=PixelData(data=image))
    mean = PostProcessorEnsemble(pipelines)(probs, sample)
    each = [
        dense_crf(
            logit_softmax(class_thresholds(probs, torch.tensor([value])), 1.0), image.flip(0), CRF_PRESETS['ccnn']
        )
        for value in (0.1, 0.9)
    ]
    torch.testing.assert_close(mean, sum(each) / 2)
    low, high = (one.argmax(0).numpy() for one in each)
    ignored = double_threshold(mean.numpy(), 0.25, 0.75) == 255
    assert (low != high).any() and ignored[low != high].all()
    assert (~ignored).any()


def test_no_pipeline_and_a_missing_field_raise_an_error():
    for pipelines in ([], [dict(type='mmwsl.ImageLevelPrior')]):
        with pytest.raises(ValueError, match='`pipelines` must be a non-empty list of lists of post-processors'):
            PostProcessorEnsemble(pipelines)
    ensemble = PostProcessorEnsemble([[], [dict(type='mmwsl.ObjectnessPrior')]])
    with pytest.raises(KeyError, match='ObjectnessPrior needs the field `objectness`'):
        ensemble(torch.rand(2, 3, 3), SegDataSample())


def test_equal_provenance_is_reported_once():
    ensemble = PostProcessorEnsemble(
        [*_thresholds(0.2, 0.8, tuned_on='set b'), *_thresholds(0.5, tuned_on='set a'), []]
    )
    assert ensemble.provenance == dict(tuned_on='set a; set b')
    assert PostProcessorEnsemble(_thresholds(0.5)).provenance == {}
