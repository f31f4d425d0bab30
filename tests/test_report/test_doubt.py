"""Doubt about an image."""

import numpy as np
import pytest

from mmwsl.report.doubt import doubts, label_disagreement, near_threshold


def test_near_threshold_is_the_formula():
    rng = np.random.default_rng(0)
    histograms = {1: rng.integers(0, 9, 256).tolist(), 3: rng.integers(0, 9, 256).tolist()}
    thresholds = [0.3, 0.9, 0.55]
    near = possible = 0
    for k, counts in histograms.items():
        angle = np.arcsin(np.sqrt(thresholds[k - 1])) / np.arcsin(1) * 255
        margin = min(16, angle / 2, (255 - angle) / 2)
        for code, count in enumerate(counts):
            near += count * (abs(code - angle) <= margin)
            possible += count * (code >= angle - margin)
    assert near_threshold(histograms, thresholds) == pytest.approx(near / possible)


def test_near_threshold_limits():
    certain = [0] * 256
    certain[255] = 10
    assert near_threshold({1: certain}, [0.3]) == 0
    assert near_threshold({1: certain}, [0.98]) == 0  # a saturated score is far from a high threshold
    assert near_threshold({1: certain}, [0.999]) == 0
    assert near_threshold({}, [0.3]) == 0


def test_label_disagreement_is_the_largest_difference():
    reason = label_disagreement(['cat'], {'cat': 0.9, 'dog': 0.7})
    assert reason.value == pytest.approx(0.7) and reason.text == 'dog is not labeled, the network gives it 70%'
    assert label_disagreement(['cat'], {'cat': 0.1, 'dog': 0.7}).value == pytest.approx(0.9)
    assert label_disagreement(['cat'], {}) is None


def test_doubts_are_sorted_and_a_missing_label_is_first():
    reasons = doubts(['cow'], 0.2, label_disagreement([], {'cat': 0.5}), 0.9)
    assert [round(reason.value, 6) for reason in reasons] == [1, 0.5, 0.2, 0.1]
    assert reasons[0].text == 'cow is labeled and has no pixel'
    assert doubts([], None, None, None) == []
