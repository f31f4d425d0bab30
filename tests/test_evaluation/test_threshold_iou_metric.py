"""The sweep equals mmseg's IoU at every threshold."""

import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import LabelData, PixelData
from mmseg.evaluation import IoUMetric
from mmseg.structures import SegDataSample

from mmwsl.evaluation import ThresholdIoUMetric

CLASSES = dict(classes=('background', 'cat', 'dog'))


def _samples(count=3, threshold=0.0):
    generator = torch.Generator().manual_seed(0)
    for _ in range(count):
        foreground = torch.rand(2, 9, 11, generator=generator)
        truth = torch.randint(0, 3, (1, 9, 11), generator=generator)
        truth[0, 0, :3] = 255
        probs = torch.cat([torch.full((1, 9, 11), threshold), foreground])
        yield SegDataSample(
            pred_label=LabelData(score=torch.ones(3)),
            gt_sem_seg=PixelData(data=truth),
            seg_logits=PixelData(data=probs.log()),
            pred_sem_seg=PixelData(data=probs.argmax(0, keepdim=True)),
        )


@pytest.mark.parametrize('threshold', [0.2, 0.5, 0.9])
def test_each_point_is_mmsegs_iou_of_the_thresholded_masks(threshold):
    ours, mmseg = ThresholdIoUMetric([threshold]), IoUMetric()
    ours.dataset_meta = mmseg.dataset_meta = CLASSES
    evaluator = Evaluator([ours, mmseg])
    evaluator.process(list(_samples(threshold=threshold)))
    metrics = evaluator.evaluate(3)
    assert metrics['oracle_mIoU'] == pytest.approx(metrics['mIoU'], abs=0.02)


def test_the_best_point_is_the_best_of_the_curve():
    single = []
    for threshold in (0.2, 0.4, 0.6):
        metric = ThresholdIoUMetric([threshold])
        Evaluator(metric).process(list(_samples()))
        single.append(metric.evaluate(3)['oracle_mIoU'])
    metric = ThresholdIoUMetric([0.2, 0.4, 0.6])
    Evaluator(metric).process(list(_samples()))
    result = metric.evaluate(3)
    assert result['oracle_mIoU'] == max(single)
    assert result['oracle_threshold'] == pytest.approx((0.2, 0.4, 0.6)[single.index(max(single))])


def test_masks_of_another_size_are_named():
    (sample,) = _samples(1)
    sample.set_data(dict(gt_sem_seg=PixelData(data=torch.zeros(1, 5, 6, dtype=torch.long))))
    with pytest.raises(ValueError, match=r'`gt_sem_seg` is \(5, 6\), `seg_logits` \(9, 11\).* behind Resize'):
        Evaluator(ThresholdIoUMetric([0.5])).process([sample])


@pytest.mark.parametrize('thresholds', [[], [0.5, 0.4], 0.5])
def test_bad_thresholds(thresholds):
    with pytest.raises(ValueError, match='`thresholds` must be an ascending list'):
        ThresholdIoUMetric(thresholds)
