"""Votes of regions as a post-processor."""

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement, PixelData
from mmseg.structures import SegDataSample

from mmwsl.functional import double_threshold, region_vote
from mmwsl.inference import RegionVote
from mmwsl.inference.postprocessors import build_postprocessors


@pytest.fixture
def sample():
    generator = torch.Generator().manual_seed(0)
    superpixels = torch.randint(0, 12, (10, 14), generator=generator)
    members = torch.rand(30, 12, generator=generator) < 0.3
    return SegDataSample(
        regions=BaseDataElement(superpixels=superpixels, members=members),
        superpixels=PixelData(data=3 * superpixels[None] + 1),  # ids with gaps
    )


@pytest.fixture
def probs():
    probs = torch.rand(4, 10, 14, generator=torch.Generator().manual_seed(1))
    probs[0] += 0.3
    return (probs / 1.3).clamp(max=1)


def _step(**options):
    (step,) = build_postprocessors([dict(type='mmwsl.RegionVote', **options)])
    return step


def test_the_votes_are_those_on_the_argmax(sample, probs):
    regions = sample.regions
    expected = region_vote(probs.argmax(0), regions.superpixels, regions.members, coverage=0.3, min_precision=0.2)
    scores = _step(coverage=0.3, min_precision=0.2)(probs, sample)
    assert torch.equal(scores.argmax(0), expected) and not torch.equal(expected, probs.argmax(0))
    assert (scores.sum(0) == 1).all() and ((scores == 0) | (scores == 1)).all()


def test_superpixels_are_regions(sample, probs):
    superpixels = sample.regions.superpixels
    expected = region_vote(probs.argmax(0), superpixels, torch.eye(12, dtype=torch.bool), precision=0.2)
    assert torch.equal(_step(field='superpixels', precision=0.2)(probs, sample).argmax(0), expected)


def test_uncertain_pixels_keep_their_scores_and_are_ignored_with_the_same_thresholds(sample, probs):
    thresholds = dict(bg_threshold=0.5, fg_threshold=0.6)
    labels = double_threshold(probs.numpy(), **thresholds)
    assert (labels == 255).any()
    regions = sample.regions
    expected = region_vote(torch.from_numpy(labels), regions.superpixels, regions.members)
    scores = _step(**thresholds)(probs, sample)
    assert np.array_equal(double_threshold(scores.numpy(), **thresholds), expected.numpy())
    ignored = torch.from_numpy(labels == 255)
    assert torch.equal(scores[:, ignored], probs[:, ignored])


def test_one_threshold_ignores_no_pixel(sample, probs):
    labels = double_threshold(probs.numpy(), 0.5, 0.5)
    expected = region_vote(torch.from_numpy(labels), sample.regions.superpixels, sample.regions.members)
    assert np.array_equal(_step(fg_threshold=0.5)(probs, sample).argmax(0), expected)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(field='boxes'), "`field` must be one of .'regions', 'superpixels'., got 'boxes'"),
        (dict(coverage=0.0), '`coverage` positive'),
        (dict(bg_threshold=0.3), 'needs a foreground threshold'),
        (dict(bg_threshold=0.8, fg_threshold=0.3), '`bg_threshold` must not exceed `fg_threshold`'),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        RegionVote(**options)


def test_a_missing_field_names_the_transform_and_another_size_is_an_error(sample):
    with pytest.raises(KeyError, match='needs the field `regions`.*ComputeRegions'):
        _step()(torch.rand(3, 6, 7), SegDataSample())
    with pytest.raises(KeyError, match='needs the field `superpixels`.*ComputeSuperpixels'):
        _step(field='superpixels')(torch.rand(3, 6, 7), SegDataSample())
    with pytest.raises(ValueError, match=r'`regions` must have the size of the scores \(6, 7\), got \(10, 14\)'):
        _step()(torch.rand(3, 6, 7), sample)
