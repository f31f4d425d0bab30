"""Average precision against its definition, and the metric through an evaluator."""

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample

from mmwsl.evaluation import ImageLabelMetric
from mmwsl.evaluation.metrics.image_label_metric import average_precision


def _definition(scores, labels):
    """The mean, over the positives, of the precision among the pictures that score at least as high."""
    positives = [i for i, label in enumerate(labels) if label == 1]
    precisions = []
    for i in positives:
        picked = [labels[j] for j in range(len(labels)) if scores[j] >= scores[i] and labels[j] >= 0]
        precisions.append(sum(label == 1 for label in picked) / len(picked))
    return sum(precisions) / len(precisions)


@pytest.mark.parametrize('ties', [False, True])
def test_average_precision_is_its_definition(ties):
    rng = np.random.default_rng(0)
    scores, labels = rng.random(50), rng.integers(-1, 2, 50)
    if ties:
        scores = scores.round(1)
    assert average_precision(scores, labels) == pytest.approx(_definition(scores, labels))


def test_average_precision_by_hand():
    assert average_precision(np.array([.9, .8, .7]), np.array([1, 0, 1])) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(np.array([.5, .5, .5, .5]), np.array([1, 0, 0, 0])) == pytest.approx(0.25)
    assert np.isnan(average_precision(np.array([.5]), np.array([0])))


def test_unknown_labels_do_not_count():
    scores, labels = np.array([.9, .8, .7, .1]), np.array([1, 0, 1, 0])
    with_unknown = average_precision(np.append(scores, [.95, .75]), np.append(labels, [-1, -1]))
    assert with_unknown == average_precision(scores, labels)


def _sample(pred, gt):
    return SegDataSample(pred_label=LabelData(score=torch.tensor(pred)), gt_label=LabelData(score=torch.tensor(gt)))


def test_metric_leaves_out_background_and_classes_without_a_positive():
    metric = ImageLabelMetric()
    metric.dataset_meta = dict(classes=('background', 'cat', 'dog', 'cow'))
    evaluator = Evaluator(metric)
    evaluator.process([_sample([0., .9, .2, .5], [1., 1., 0., 0.]), _sample([1., .8, .7, .5], [0., 0., 1., 0.])])
    evaluator.process([_sample([0., .7, .9, .5], [1., 1., 0., 0.])])
    cat, dog = (1 + 2 / 3) / 2, 1 / 2
    assert evaluator.evaluate(3) == {'mAP': pytest.approx(100 * (cat + dog) / 2, abs=0.01)}


@pytest.mark.parametrize(('field', 'message'), [('pred_label', 'WeakEncoderDecoder'),
                                                ('gt_label', 'PackImageLabelInputs')])
def test_a_missing_field_names_what_to_add(field, message):
    sample = _sample([.5], [1.])
    delattr(sample, field)
    with pytest.raises(KeyError, match=f'needs the field `{field}`.*{message}'):
        Evaluator(ImageLabelMetric()).process([sample])
