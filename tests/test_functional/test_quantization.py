"""Quantized scores, double thresholds and known image-level labels."""

import math

import numpy as np
import pytest
import torch

from mmwsl.functional import (
    DEQUANTIZED,
    MAX_ERROR,
    double_threshold,
    mask_absent_classes,
    override_image_probs,
    quantize_scores,
    quantize_threshold,
    redistribute_absent_classes,
)


def test_codes_follow_the_angle_within_the_documented_error():
    scores = torch.linspace(0, 1, 100_001, dtype=torch.float64)
    codes = quantize_scores(scores).numpy()
    errors = np.abs(np.array([math.sin(math.pi * code / 510) ** 2 for code in codes.tolist()]) - scores.numpy())
    assert errors.max() <= MAX_ERROR < 0.0031
    assert errors.max() > 0.99 * MAX_ERROR  # the bound is tight
    assert (np.diff(codes.astype(int)) >= 0).all() and set(codes) == set(range(256))
    near = scores.numpy() < 0.01
    assert errors[near].max() < 0.00062 and errors[near[::-1]].max() < 0.00062


def test_ends_are_exact_and_saturated_scores_stay_distinct():
    assert DEQUANTIZED[0] == 0 and DEQUANTIZED[255] == 1 and (np.diff(DEQUANTIZED) > 0).all()
    assert quantize_scores(torch.tensor([0.0, 1.0, -1e-5, 1 + 1e-5])).tolist() == [0, 255, 0, 255]
    first, second, third = quantize_scores(torch.tensor([0.998, 0.999, 0.9995])).tolist()
    assert first < second < third


@pytest.mark.parametrize('score', [1.01, -0.01, math.nan])
def test_scores_outside_the_unit_interval_are_rejected(score):
    with pytest.raises(ValueError, match=r'`scores` must be in \[0, 1\]'):
        quantize_scores(torch.tensor([0.5, score]))


@pytest.mark.parametrize('threshold', [0.0, 0.1, 0.5, float(DEQUANTIZED[77]), 0.999, 1.0])
def test_thresholds_on_codes_equal_thresholds_on_dequantized_scores(threshold):
    assert (np.arange(256) >= quantize_threshold(threshold)).tolist() == (threshold < DEQUANTIZED).tolist()


def test_double_threshold_ignores_nan():
    scores = np.array([[[9, 9, 9]], [[0.9, np.nan, 0.1]], [[0.1, 0.9, np.nan]]], np.float32)
    assert double_threshold(scores, 0.2, 0.6).tolist() == double_threshold(scores, 0.5, 0.5).tolist() == [[1, 255, 255]]


def test_double_threshold():
    scores = np.array([[0.9, 0.9, 0.9, 0.9, 0.9], [0.8, 0.1, 0.5, 0.3, 0.2], [0.1, 0.2, 0.6, 0.7, 0.3]])[:, None]
    assert double_threshold(scores, 0.2, 0.6).tolist() == [[1, 0, 255, 2, 255]]
    assert double_threshold(scores, 0.5, 0.5).tolist() == [[1, 0, 2, 2, 0]]
    codes = quantize_scores(torch.from_numpy(scores)).numpy()
    bg_threshold, fg_threshold = (quantize_threshold(threshold) - 1 for threshold in (0.21, 0.61))
    assert double_threshold(codes, bg_threshold, fg_threshold).tolist() == [[1, 0, 255, 2, 255]]
    assert (double_threshold(codes, quantize_threshold(1) - 1, quantize_threshold(1) - 1) == 0).all()


@pytest.mark.parametrize(
    'shape, bg_threshold, fg_threshold, message',
    [
        ((3, 2, 2), 0.6, 0.5, 'bg_threshold=0.6 and fg_threshold=0.5'),
        ((3, 2, 2), math.nan, 0.5, '`bg_threshold` must not exceed'),
        ((1, 2, 2), 0.1, 0.5, r'\(1, 2, 2\)'),
        ((3, 2), 0.1, 0.5, r'must be \(K, H, W\)'),
    ],
)
def test_double_threshold_rejects_bad_input(shape, bg_threshold, fg_threshold, message):
    with pytest.raises(ValueError, match=message):
        double_threshold(np.zeros(shape), bg_threshold, fg_threshold)


def test_labels_mask_absent_classes_but_never_the_background():
    logits = torch.tensor([0.0, 3.0, 1.0, 2.0])[:, None, None].expand(4, 2, 2)
    labels = torch.tensor([0.0, 0.0, 1.0, -1.0])
    masked = mask_absent_classes(logits, labels)
    for probs in (masked.softmax(0), masked.sigmoid()):
        assert (probs[1] == 0).all() and (probs[[0, 2, 3]] > 0).all()
    assert torch.equal(masked[[0, 2, 3]], logits[[0, 2, 3]])
    assert override_image_probs(torch.tensor([0.9, 0.8, 0.7, 0.6]), labels).tolist() == pytest.approx([0.9, 0, 1, 0.6])
    with pytest.raises(ValueError, match='one value for each of the 4 classes'):
        mask_absent_classes(logits, labels[:3])
    with pytest.raises(ValueError, match='one value for each of the 3 classes'):
        override_image_probs(torch.rand(3), labels)


def test_probability_of_absent_classes_goes_to_the_other_foreground_classes():
    logits = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(0)) * 4
    before, after = (
        logits.softmax(0),
        redistribute_absent_classes(logits, torch.tensor([0.0, 0.0, 1.0, -1.0, 0.0])).softmax(0),
    )
    torch.testing.assert_close(after[0], before[0])
    assert (after[[1, 4]] == 0).all()
    fraction = before[[2, 3]] / before[[2, 3]].sum(0)
    torch.testing.assert_close(after[[2, 3]], fraction * (1 - before[0]))
    torch.testing.assert_close(redistribute_absent_classes(logits, torch.ones(5)).softmax(0), before)
    nothing = redistribute_absent_classes(logits, torch.tensor([1.0, 0.0, 0.0, 0.0, 0.0])).softmax(0)
    assert (nothing[0] == 1).all() and (nothing[1:] == 0).all()
    with pytest.raises(ValueError, match='one value for each of the 5 classes'):
        redistribute_absent_classes(logits, torch.ones(4))


def test_probability_of_a_confident_absent_class_goes_to_the_only_present_class():
    logits, labels = torch.tensor([0.0, 90.0, -90.0])[:, None, None], torch.tensor([0.0, 0.0, 1.0])
    redistributed = redistribute_absent_classes(logits, labels).softmax(0)
    assert redistributed.flatten().tolist() == pytest.approx([0, 0, 1])
    masked = mask_absent_classes(logits, labels).softmax(0)
    assert masked.flatten().tolist() == pytest.approx([1, 0, 0])


@pytest.mark.parametrize('scores', [[1e4, 1e4, -1e4], [0.0, 0.0, -3e4]])
def test_redistribution_is_stable_for_scores_far_apart(scores):
    logits, labels = torch.tensor(scores)[:, None, None], torch.tensor([0.0, 0.0, 1.0])
    probs = redistribute_absent_classes(logits, labels).softmax(0)
    assert probs.flatten().tolist() == pytest.approx([0.5, 0, 0.5])
