"""Ensemble of post-processing pipelines."""

from dataclasses import replace

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmwsl.functional import (
    CRF_PRESETS,
    PermutohedralLattice,
    class_thresholds,
    dense_crf,
    double_threshold,
    logit_softmax,
)
from mmwsl.inference.postprocessors import PostProcessorEnsemble, build_postprocessors
from mmwsl.inference.postprocessors.dense_crf import SharedKernels


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


def _crfs(*presets):
    return [[dict(type='mmwsl.DenseCRF', preset=preset)] for preset in presets]


def test_crfs_with_equal_kernels_build_each_lattice_once(monkeypatch):
    """In float64, which torch computes; a CRF has two lattices, 2 and 5 dimensions."""
    original, built = PermutohedralLattice.__init__, []

    def counted(self, features, groups=1):
        built.append(features.shape[1])
        original(self, features, groups)

    monkeypatch.setattr(PermutohedralLattice, '__init__', counted)
    torch.manual_seed(0)
    probs = torch.rand(3, 12, 16, dtype=torch.float64)
    sample = SegDataSample(image=PixelData(data=torch.randint(0, 256, (3, 12, 16)).byte()))
    separate = [build_postprocessors(pipeline)[0](probs, sample) for pipeline in _crfs('psa', 'psa', 'ccnn')]
    assert built == [2, 5] * 3
    built.clear()
    nested = [dict(type='mmwsl.PostProcessorEnsemble', pipelines=_crfs('psa', 'psa', 'ccnn'))]
    ensemble = PostProcessorEnsemble([*_crfs('psa', 'ccnn'), nested])
    expected = (separate[0] + separate[2] + sum(separate) / 3) / 3
    torch.testing.assert_close(ensemble(probs, sample), expected)
    assert built == [2, 5] * 2
    ensemble(probs, sample)
    assert built == [2, 5] * 4  # nothing is kept between predictions


def test_an_image_that_changed_gets_other_lattices():
    probs, image = torch.rand(2, 6, 7), torch.randint(0, 256, (3, 6, 7)).byte()
    kernels, params = SharedKernels(), CRF_PRESETS['psa']
    first = kernels.get([image], probs.device, params)
    assert kernels.get([image], probs.device, params) is first
    assert kernels.get([image], probs.device, replace(params, iterations=3, gt_prob=0.5)) is first
    assert kernels.get([image], probs.device, replace(params, bilateral_srgb=4.0)) is not first
    assert kernels.get([image.clone()], probs.device, params) is not first
    image[0, 0, 0] += 1
    assert kernels.get([image], probs.device, params) is not first
