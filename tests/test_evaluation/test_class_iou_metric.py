"""IoU of every class as a returned metric."""

import math

import torch
from mmseg.evaluation import IoUMetric

from mmwsl.evaluation import ClassIoUMetric


def test_the_iou_of_every_class_is_returned_with_the_metrics_of_mmseg():
    generator = torch.Generator().manual_seed(0)
    gt_masks = torch.randint(0, 3, (3, 1, 6, 7), generator=generator)
    predictions = torch.randint(0, 3, (3, 1, 6, 7), generator=generator)
    gt_masks[:, 0, 0] = 255
    ours, mmseg = ClassIoUMetric(), IoUMetric()
    for metric in (ours, mmseg):
        metric.dataset_meta = dict(classes=('background', 'cat', 'dog', 'cow'))
        metric.process(
            {},
            [
                dict(pred_sem_seg=dict(data=prediction), gt_sem_seg=dict(data=gt_mask))
                for prediction, gt_mask in zip(predictions, gt_masks, strict=True)
            ],
        )
    metrics = ours.evaluate(3)
    assert metrics.items() >= mmseg.evaluate(3).items()
    known = gt_masks != 255
    for label, name in enumerate(('background', 'cat', 'dog')):
        hits = ((gt_masks == label) & (predictions == label) & known).sum()
        union = (((gt_masks == label) | (predictions == label)) & known).sum()
        assert metrics[f'IoU_{name}'] == round(100 * (hits / union).item(), 2)
    assert math.isnan(metrics['IoU_cow']), 'no mask contains a cow'


def test_format_only_writes_masks_and_returns_no_metric(tmp_path):
    metric = ClassIoUMetric(format_only=True, output_dir=str(tmp_path))
    metric.dataset_meta = dict(classes=('background', 'cat'))
    metric.process({}, [dict(pred_sem_seg=dict(data=torch.zeros(1, 2, 2)), img_path='one.jpg')])
    assert metric.evaluate(1) == {} and (tmp_path / 'one.png').is_file()
