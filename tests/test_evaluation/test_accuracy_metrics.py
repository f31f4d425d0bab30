"""Accuracies counted by hand: of images with one class, and of the pixels of each class."""

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample

from mmwsl.evaluation import ClassAccuracyMetric, ImageAccuracyMetric

CLASSES = ('background', 'kitchen', 'office', 'store')


def _image(scores, label):
    labels = torch.zeros(len(scores))
    labels[0], labels[label] = -1, 1
    return SegDataSample(pred_label=LabelData(score=torch.tensor(scores)), gt_label=LabelData(score=labels))


def _evaluate(metric, samples, classes=CLASSES):
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = dict(classes=classes)
    evaluator.process(samples)
    return evaluator.evaluate(len(samples))


def test_accuracy_and_mean_class_accuracy_of_an_unbalanced_set():
    kitchen, office = [0.9, 0.8, 0.1, 0.0], [0.9, 0.1, 0.7, 0.0]  # the background's score is the highest
    samples = [_image(kitchen, 1), _image(kitchen, 1), _image(kitchen, 1), _image(office, 1), _image(kitchen, 2)]
    # three of five; three of four kitchens and no office; no image of a store
    assert _evaluate(ImageAccuracyMetric(), samples) == {
        'accuracy': pytest.approx(60.0),
        'mean_class_accuracy': pytest.approx((75 + 0) / 2),
    }


def test_known_labels_are_not_compared_with_themselves():
    sample = _image([0.0, 0.9, 0.1, 0.0], 1)
    sample.pred_label.raw_score = torch.tensor([0.0, 0.1, 0.9, 0.0])
    assert _evaluate(ImageAccuracyMetric(), [sample])['accuracy'] == 0


@pytest.mark.parametrize('count', [0, 2])
def test_an_image_must_have_one_class(count):
    sample = _image([0.0, 0.9, 0.1, 0.0], 1)
    sample.gt_label.score[1:3] = torch.tensor([1.0, 1.0]) if count else torch.zeros(2)
    sample.set_metainfo(dict(img_path='a.jpg'))
    with pytest.raises(ValueError, match=f"`gt_label` must have one class per image, got {count} classes for 'a.jpg'"):
        Evaluator(ImageAccuracyMetric()).process([sample])


def _masks(truth, predicted):
    truth, predicted = (PixelData(data=torch.tensor(mask)[None]) for mask in (truth, predicted))
    return SegDataSample(gt_sem_seg=truth, pred_sem_seg=predicted)


def test_pixel_accuracy_of_a_toy_map():
    metrics = _evaluate(ClassAccuracyMetric(), [_masks([[0, 0], [1, 255]], [[0, 1], [1, 2]])], CLASSES[:3])
    # background 1 of 2, kitchen 1 of 1, no pixel of an office; the predicted office is ignored
    assert (metrics['mAcc'], metrics['mAcc_foreground']) == (75.0, 100.0)
    assert metrics['mIoU'] == pytest.approx(100 * (1 / 2 + 1 / 2) / 2)


@pytest.mark.parametrize('predicted', range(3))
def test_one_class_everywhere_is_right_for_this_class_only(predicted):
    truth = np.arange(9).reshape(3, 3) % 3
    metrics = _evaluate(ClassAccuracyMetric(), [_masks(truth, np.full((3, 3), predicted))], CLASSES[:3])
    assert metrics['mAcc'] == pytest.approx(100 / 3, abs=0.01)
    assert metrics['mAcc_foreground'] == (50.0 if predicted else 0.0)
