"""Saliency as a step of the chain."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmwsl.inference.postprocessors import SaliencyPrior, SaliencyScores, build_postprocessors


def test_the_prior_weighs_and_the_scores_replace():
    probs, saliency = torch.rand(3, 4, 5), torch.rand(3, 4, 5)
    saliency[0] = 0
    sample = SegDataSample(class_saliency=PixelData(data=saliency))
    prior, scores = build_postprocessors(
        [dict(type='mmwsl.SaliencyPrior', tuned_on='masks of this test'), dict(type='mmwsl.SaliencyScores')]
    )
    assert prior.tuned_on == 'masks of this test' and scores.tuned_on is None
    torch.testing.assert_close(prior(probs, sample)[1:], (probs * saliency)[1:])
    assert torch.equal(scores(probs, sample)[1:], saliency[1:])
    for step in (prior, scores):
        assert torch.equal(step(probs, sample)[0], probs[0])


@pytest.mark.parametrize('step', [SaliencyPrior, SaliencyScores])
def test_without_saliency_the_error_says_what_writes_it(step):
    with pytest.raises(KeyError, match=r'`class_saliency`.*model\.saliency=dict\(type='):
        step()(torch.rand(3, 4, 5), SegDataSample())
