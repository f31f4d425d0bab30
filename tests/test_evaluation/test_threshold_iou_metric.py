"""The metric equals mmseg's IoU at every threshold."""

import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmseg.evaluation import IoUMetric
from mmseg.structures import SegDataSample

from mmwsl.evaluation import ClassThresholdSearch, ThresholdIoUMetric

CLASSES = dict(classes=('background', 'cat', 'dog'))


def _samples(count=3, threshold=0.0):
    generator = torch.Generator().manual_seed(0)
    for _ in range(count):
        foreground = torch.rand(2, 9, 11, generator=generator)
        gt_mask = torch.randint(0, 3, (1, 9, 11), generator=generator)
        gt_mask[0, 0, :3] = 255
        probs = torch.cat([torch.full((1, 9, 11), threshold), foreground])
        yield SegDataSample(
            gt_sem_seg=PixelData(data=gt_mask),
            pred_scores=PixelData(data=probs),
            pred_sem_seg=PixelData(data=probs.argmax(0, keepdim=True)),
        )


@pytest.mark.parametrize('threshold', [0.2, 0.5, 0.9])
def test_each_threshold_has_the_iou_of_mmseg(threshold):
    ours, mmseg = ThresholdIoUMetric([threshold]), IoUMetric()
    ours.dataset_meta = mmseg.dataset_meta = CLASSES
    evaluator = Evaluator([ours, mmseg])
    evaluator.process(list(_samples(threshold=threshold)))
    metrics = evaluator.evaluate(3)
    assert metrics['oracle_mIoU'] == pytest.approx(metrics['mIoU'], abs=0.02)


def test_the_oracle_is_the_maximum_over_the_thresholds():
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


def test_a_mask_of_another_size_is_an_error():
    (sample,) = _samples(1)
    sample.set_data(dict(gt_sem_seg=PixelData(data=torch.zeros(1, 5, 6, dtype=torch.long))))
    with pytest.raises(
        ValueError, match=r'must have the size \(9, 11\) of `pred_scores`, got \(5, 6\).* after .Resize'
    ):
        Evaluator(ThresholdIoUMetric([0.5])).process([sample])


@pytest.mark.parametrize('thresholds', [[], [0.5, 0.4], 0.5, [1.7], [-0.1, 0.5], [0.5, float('nan')]])
def test_thresholds_that_do_not_ascend_in_0_1_are_an_error(thresholds):
    with pytest.raises(ValueError, match='`thresholds` must be an ascending list'):
        ThresholdIoUMetric(thresholds)


@pytest.mark.parametrize(
    ('field', 'source'), [('pred_scores', 'mmwsl.WeakEncoderDecoder'), ('gt_sem_seg', 'LoadAnnotations')]
)
@pytest.mark.parametrize('metric', [ThresholdIoUMetric(), ClassThresholdSearch(tuned_on='a test')])
def test_the_error_for_a_missing_field_names_its_source(metric, field, source):
    (sample,) = _samples(1)
    delattr(sample, field)
    with pytest.raises(KeyError, match=f'{type(metric).__name__} needs the field `{field}`.*Add .*{source}'):
        Evaluator(metric).process([sample])


def test_masks_without_a_labeled_pixel_are_an_error():
    (sample,) = _samples(1)
    sample.gt_sem_seg.data.fill_(255)
    metric = ThresholdIoUMetric([0.5])
    Evaluator(metric).process([sample])
    with pytest.raises(ValueError, match='must contain pixels of the classes, got none. Check `seg_map_path`'):
        metric.evaluate(1)
