"""Interface of the post-processors."""

import pytest
import torch
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample

from mmwsl.inference.postprocessors import build_postprocessors


def test_image_level_prior_multiplies_by_the_predicted_label():
    (prior,) = build_postprocessors([dict(type='mmwsl.ImageLevelPrior')])
    sample = SegDataSample(pred_label=LabelData(score=torch.tensor([1.0, 0.5, 0.0])))
    probs = torch.rand(3, 4, 5)
    result = prior(probs, sample)
    torch.testing.assert_close(result[1], probs[1] / 2)
    assert (result[0] == probs[0]).all() and not result[2].any()


def test_a_missing_field_names_the_part_to_add():
    (prior,) = build_postprocessors([dict(type='mmwsl.ImageLevelPrior')])
    with pytest.raises(KeyError, match=r'needs the field `pred_label`.*WeakEncoderDecoder'):
        prior(torch.rand(3, 4, 5), SegDataSample())


def test_every_image_of_a_batch_is_checked():
    (prior,) = build_postprocessors([dict(type='mmwsl.ImageLevelPrior')])
    sample = SegDataSample(pred_label=LabelData(score=torch.tensor([1.0, 0.5, 0.0])))
    probs = torch.rand(3, 4, 5)
    assert torch.equal(prior.batch([probs, probs[:, :2]], [sample] * 2)[1], prior(probs, sample)[:, :2])
    with pytest.raises(KeyError, match='needs the field `pred_label`'):
        prior.batch([probs, probs], [sample, SegDataSample()])
    with pytest.raises(ValueError, match='ImageLevelPrior: `probs` must not be NaN'):
        prior.batch([probs, probs * torch.nan], [sample, sample])


def test_no_config_is_an_empty_list():
    assert build_postprocessors(None) == build_postprocessors([]) == []


def test_an_unknown_postprocessor_raises_an_error():
    with pytest.raises(KeyError, match='NoSuchPart'):
        build_postprocessors([dict(type='mmwsl.NoSuchPart')])
