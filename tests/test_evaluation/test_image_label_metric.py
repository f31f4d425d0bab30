"""Average precision by its definition, and the metric in an evaluator."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample

from mmwsl.evaluation import ImageLabelMetric
from mmwsl.functional import AP_VARIANTS, average_precision


def _definition(scores, labels):
    """Mean over the positives of the precision among the images that score at least as high."""
    positives = [i for i, label in enumerate(labels) if label == 1]
    precisions = []
    for i in positives:
        picked = [labels[j] for j in range(len(labels)) if scores[j] >= scores[i] and labels[j] >= 0]
        precisions.append(sum(label == 1 for label in picked) / len(picked))
    return sum(precisions) / len(precisions)


@pytest.mark.parametrize('ties', [False, True])
def test_average_precision_equals_its_definition(ties):
    rng = np.random.default_rng(0)
    scores, labels = rng.random(50), rng.integers(-1, 2, 50)
    if ties:
        scores = scores.round(1)
    assert average_precision(scores, labels) == pytest.approx(_definition(scores, labels))


def test_average_precision_by_hand():
    assert average_precision(np.array([0.9, 0.8, 0.7]), np.array([1, 0, 1])) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(np.array([0.5, 0.5, 0.5, 0.5]), np.array([1, 0, 0, 0])) == pytest.approx(0.25)
    assert np.isnan(average_precision(np.array([0.5]), np.array([0])))


def _eleven_points(scores, labels, positives):
    """VOC 2007: mean over the recalls 0, 0.1 .. 1 of the highest precision at that recall or above."""
    curve = []
    for threshold in set(scores):
        picked = [label for score, label in zip(scores, labels, strict=True) if score >= threshold and label >= 0]
        if picked:
            hits = sum(label == 1 for label in picked)
            curve.append((Fraction(hits, positives), hits / len(picked)))
    return sum(max([p for r, p in curve if r >= Fraction(step, 10)], default=0) for step in range(11)) / 11


@pytest.mark.parametrize('missed', [0, 3])
@pytest.mark.parametrize('digits', [1, 9])
def test_the_eleven_point_average_precision_equals_its_definition(digits, missed):
    rng = np.random.default_rng(1)
    scores, labels = rng.random(40).round(digits), rng.integers(-1, 2, 40)
    positives = int((labels == 1).sum()) + missed
    expected = _eleven_points(scores, labels, positives)
    assert average_precision(scores, labels, positives, variant='11point') == pytest.approx(expected)


def test_the_eleven_points_include_a_recall_of_exactly_three_tenths():
    labels = np.array([1] * 3 + [0] * 90)
    scores = -np.arange(93.0)
    # recalls 0, .1, .2 and .3 are reached at precision 1, the others never
    assert average_precision(scores, labels, 10, variant='11point') == pytest.approx(4 / 11)


def _all_points(scores, labels, positives):
    """VOC 2010: area under the curve whose precision at each recall is the highest one at that recall or above."""
    curve = []
    for threshold in set(scores):
        picked = [label for score, label in zip(scores, labels, strict=True) if score >= threshold and label >= 0]
        if picked:
            hits = sum(label == 1 for label in picked)
            curve.append((hits, Fraction(hits, len(picked))))
    # the recall in steps of one positive
    return float(
        sum(max([p for h, p in curve if h >= step], default=0) for step in range(1, positives + 1)) / positives
    )


@pytest.mark.parametrize('missed', [0, 3])
@pytest.mark.parametrize('digits', [1, 9])
def test_the_average_precision_of_all_points_equals_its_definition(digits, missed):
    rng = np.random.default_rng(2)
    scores, labels = rng.random(40).round(digits), rng.integers(-1, 2, 40)
    positives = int((labels == 1).sum()) + missed
    expected = _all_points(scores, labels, positives)
    assert average_precision(scores, labels, positives, 'all_points') == pytest.approx(expected)
    assert average_precision(scores, labels, positives) < expected  # the raw precision is never higher


def test_the_three_variants_by_hand():
    scores, labels = -np.arange(6.0), np.array([1, 0, 1, 0, 0, 1])
    # precision 1, 2/3 and 1/2 at the positives; it is already monotone there
    assert average_precision(scores, labels) == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)
    assert average_precision(scores, labels, None, 'all_points') == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)
    # recalls 0 to .3, .4 to .6, .7 to 1
    assert average_precision(scores, labels, None, '11point') == pytest.approx((4 + 3 * 2 / 3 + 4 / 2) / 11)
    scores, labels = -np.arange(3.0), np.array([0, 1, 1])
    assert average_precision(scores, labels) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert average_precision(scores, labels, None, 'all_points') == pytest.approx(2 / 3)
    assert average_precision(scores, labels, None, '11point') == pytest.approx(2 / 3)


@pytest.mark.parametrize('variant', AP_VARIANTS)
def test_the_order_of_tied_images_does_not_matter(variant):
    rng = np.random.default_rng(3)
    scores, labels = rng.random(30).round(1), rng.integers(0, 2, 30)
    values = set()
    for _ in range(5):
        order = rng.permutation(30)
        values.add(round(average_precision(scores[order], labels[order], None, variant), 12))
    assert len(values) == 1


def test_missed_positives_lower_the_area():
    scores, labels = np.array([0.9, 0.8, 0.7]), np.array([1, 0, 1])
    assert average_precision(scores, labels, 4) == pytest.approx((1 + 2 / 3) / 4)
    assert average_precision(scores, np.zeros(3), 2) == 0


@pytest.mark.parametrize(
    ('scores', 'labels', 'positives', 'message'),
    [
        ([0.5, 0.5], [1], None, r'must both be \(N,\), got \(2,\) and \(1,\)'),
        ([[0.5]], [[1]], None, r'must both be \(N,\), got \(1, 1\)'),
        ([0.5, float('nan')], [1, 0], None, 'got NaN in 1 of 2'),
        ([0.5, 0.4], [1, 1], 1, 'at least the number of labels 1, got 1 for 2'),
    ],
)
def test_invalid_scores_and_labels_are_errors(scores, labels, positives, message):
    with pytest.raises(ValueError, match=message):
        average_precision(np.array(scores), np.array(labels), positives)


@pytest.mark.parametrize('variant', AP_VARIANTS)
def test_unknown_labels_do_not_count(variant):
    scores, labels = np.array([0.9, 0.8, 0.7, 0.1]), np.array([1, 0, 1, 0])
    with_unknown = average_precision(np.append(scores, [0.95, 0.75]), np.append(labels, [-1, -1]), None, variant)
    assert with_unknown == average_precision(scores, labels, None, variant)
    as_absent = average_precision(np.append(scores, [0.95, 0.75]), np.append(labels, [0, 0]), None, variant)
    assert as_absent < with_unknown


@pytest.mark.parametrize('variants', ['area', [], ['area', 'coco']])
def test_unknown_variants_are_rejected(variants):
    with pytest.raises(ValueError, match=r"`variants` must be a list of some of \('area', 'all_points', '11point'\)"):
        ImageLabelMetric(variants=variants)
    with pytest.raises(ValueError, match=r"`variant` must be one of .*, got 'coco'"):
        average_precision(np.zeros(1), np.ones(1), None, 'coco')


def _sample(pred, gt):
    return SegDataSample(pred_label=LabelData(score=torch.tensor(pred)), gt_label=LabelData(score=torch.tensor(gt)))


def test_background_and_classes_without_a_positive_do_not_count():
    metric = ImageLabelMetric()
    metric.dataset_meta = dict(classes=('background', 'cat', 'dog', 'cow'))
    evaluator = Evaluator(metric)
    evaluator.process(
        [_sample([0.0, 0.9, 0.2, 0.5], [1.0, 1.0, 0.0, 0.0]), _sample([1.0, 0.8, 0.7, 0.5], [0.0, 0.0, 1.0, 0.0])]
    )
    evaluator.process([_sample([0.0, 0.7, 0.9, 0.5], [1.0, 1.0, 0.0, 0.0])])
    cat, dog = (1 + 2 / 3) / 2, 1 / 2
    assert evaluator.evaluate(3) == {'mAP': pytest.approx(100 * (cat + dog) / 2, abs=0.01)}


def test_each_variant_of_the_map_has_its_own_key():
    metric = ImageLabelMetric(variants=('area', 'all_points', '11point'))
    metric.dataset_meta = dict(classes=('background', 'cat'))
    evaluator = Evaluator(metric)
    evaluator.process([_sample([0.0, score], [1.0, label]) for score, label in ((0.9, 1.0), (0.8, 0.0), (0.7, 1.0))])
    eleven = (6 * 1 + 5 * 2 / 3) / 11
    assert evaluator.evaluate(3) == {
        'mAP': pytest.approx(100 * 5 / 6, abs=0.01),
        'mAP_all_points': pytest.approx(100 * 5 / 6, abs=0.01),
        'mAP_11point': pytest.approx(100 * eleven, abs=0.01),
    }


@pytest.mark.parametrize(
    ('field', 'message'), [('pred_label', 'WeakEncoderDecoder'), ('gt_label', 'PackImageLabelInputs')]
)
def test_the_error_for_a_missing_field_names_its_source(field, message):
    sample = _sample([0.5], [1.0])
    delattr(sample, field)
    with pytest.raises(KeyError, match=f'needs the field `{field}`.*{message}'):
        Evaluator(ImageLabelMetric()).process([sample])


def test_known_labels_are_not_compared_with_themselves():
    metric = ImageLabelMetric()
    metric.dataset_meta = dict(classes=('background', 'cat'))
    samples = [_sample([0.0, label], [1.0, label]) for label in (1.0, 0.0)]
    for sample, predicted in zip(samples, (0.2, 0.8), strict=True):
        sample.pred_label.raw_score = torch.tensor([0.0, predicted])
    evaluator = Evaluator(metric)
    evaluator.process(samples)
    assert evaluator.evaluate(2) == {'mAP': pytest.approx(50.0)}


def test_images_are_ranked_by_log_odds_where_probabilities_are_rounded_to_one():
    metric = ImageLabelMetric()
    metric.dataset_meta = dict(classes=('background', 'cat'))
    evaluator = Evaluator(metric)
    for logit, label in ((40.0, 1.0), (30.0, 0.0), (20.0, 0.0)):
        sample = _sample([1.0, float(torch.tensor(logit).sigmoid())], [-1.0, label])
        sample.pred_label.log_odds = torch.tensor([0.0, logit])
        evaluator.process([sample])
    assert evaluator.evaluate(3) == {'mAP': 100.0}
