"""Objectness prior and class thresholds."""

import pytest
import torch

from mmwsl.functional import class_thresholds, objectness_prior
from mmwsl.registry import POSTPROCESSORS


def test_objectness_weights_the_foreground_only():
    probs, objectness = torch.rand(3, 4, 5), torch.rand(4, 5)
    result = objectness_prior(probs, objectness)
    assert torch.equal(result[0], probs[0])
    torch.testing.assert_close(result[2], probs[2] * objectness)


def test_objectness_of_one_changes_nothing_and_of_zero_gives_background():
    probs = torch.rand(3, 4, 5) + 0.01
    assert torch.equal(objectness_prior(probs, torch.ones(4, 5)), probs)
    assert not objectness_prior(probs, torch.zeros(4, 5)).argmax(0).any()


def test_power_applies_to_the_scores_and_absent_classes_stay_zero():
    probs, objectness = torch.rand(3, 4, 5), torch.rand(4, 5)
    probs[2] = 0
    result = objectness_prior(probs, objectness, power=0.25)
    torch.testing.assert_close(result[1], probs[1].sqrt().sqrt() * objectness)
    assert torch.equal(result[0], probs[0]) and not result[2].any()


def test_relative_objectness_compares_each_pixel_with_the_mean():
    scores, objectness, thresholds = torch.rand(3, 4, 5), torch.rand(4, 5), torch.tensor([0.3, 0.6])
    result = objectness_prior(class_thresholds(scores, thresholds), objectness, relative=True)
    mean = float(objectness.sum()) / 20
    for y in range(4):
        for x in range(5):
            highest = int(scores[1:, y, x].argmax())
            foreground = scores[highest + 1, y, x] * objectness[y, x] / mean > thresholds[highest]
            assert result[:, y, x].argmax() == (highest + 1 if foreground else 0)
    never = objectness_prior(class_thresholds(scores, torch.ones(2)), objectness, relative=True)
    assert not never.argmax(0).any()
    # Equal objectness everywhere changes nothing, nor does an image without any.
    plain = class_thresholds(scores, thresholds).argmax(0)
    for value in (0.2, 0.0):
        even = objectness_prior(class_thresholds(scores, thresholds), torch.full((4, 5), value), relative=True)
        assert torch.equal(even.argmax(0), plain)


@pytest.mark.parametrize('power', [0.0, -1.0, float('inf'), float('nan')])
def test_bad_power(power):
    with pytest.raises(ValueError, match='`power` must be a positive finite number, got'):
        objectness_prior(torch.rand(3, 4, 5), torch.rand(4, 5), power)
    with pytest.raises(ValueError, match='`power` must be a positive finite number, got'):
        POSTPROCESSORS.build(dict(type='mmwsl.ObjectnessPrior', power=power))


@pytest.mark.parametrize(
    ('objectness', 'message'),
    [
        (torch.rand(5, 4), r'size of `probs`.*\(5, 4\)'),
        (torch.full((4, 5), 1.5), r'in \[0, 1\], got 1.5'),
        (torch.full((4, 5), torch.nan), r'in \[0, 1\], got nan'),
    ],
)
def test_bad_objectness(objectness, message):
    with pytest.raises(ValueError, match=message):
        objectness_prior(torch.rand(3, 4, 5), objectness)


def test_thresholds_follow_the_rule_pixel_by_pixel():
    torch.manual_seed(0)
    scores, thresholds = torch.rand(4, 30, 20), torch.tensor([0.9, 0.6, 0.8])
    result = class_thresholds(scores, thresholds).argmax(0)
    for y in range(30):
        for x in range(20):
            highest = int(scores[1:, y, x].argmax())
            expected = highest + 1 if scores[highest + 1, y, x] > thresholds[highest] else 0
            assert result[y, x] == expected


def test_the_second_highest_class_does_not_replace_a_class_below_its_threshold():
    scores = torch.tensor([0.0, 0.5, 0.4]).view(3, 1, 1)
    assert class_thresholds(scores, torch.tensor([0.6, 0.1])).argmax() == 0


def test_thresholds_outside_the_range_of_the_scores():
    scores = torch.rand(3, 4, 5)
    assert not class_thresholds(scores, torch.full((2,), 1.0)).argmax(0).any()
    assert class_thresholds(scores, torch.full((2,), -1.0)).argmax(0).all()


@pytest.mark.parametrize(('classes', 'count'), [(3, 3), (3, 1), (1, 0)])
def test_bad_number_of_thresholds(classes, count):
    with pytest.raises(ValueError, match='one value for each foreground class'):
        class_thresholds(torch.rand(classes, 2, 2), torch.zeros(count))
