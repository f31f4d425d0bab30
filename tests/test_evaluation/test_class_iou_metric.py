"""IoU of every class as a number."""

import math

import torch
from mmseg.evaluation import IoUMetric

from mmwsl.evaluation import ClassIoUMetric


def test_every_class_beside_mmsegs_mean():
    generator = torch.Generator().manual_seed(0)
    truths = torch.randint(0, 3, (3, 1, 6, 7), generator=generator)
    predictions = torch.randint(0, 3, (3, 1, 6, 7), generator=generator)
    truths[:, 0, 0] = 255
    ours, mmseg = ClassIoUMetric(), IoUMetric()
    for metric in (ours, mmseg):
        metric.dataset_meta = dict(classes=('background', 'cat', 'dog', 'cow'))
        metric.process(
            {},
            [
                dict(pred_sem_seg=dict(data=prediction), gt_sem_seg=dict(data=truth))
                for prediction, truth in zip(predictions, truths, strict=True)
            ],
        )
    metrics = ours.evaluate(3)
    assert metrics.items() >= mmseg.evaluate(3).items()
    known = truths != 255
    for label, name in enumerate(('background', 'cat', 'dog')):
        hits = ((truths == label) & (predictions == label) & known).sum()
        union = (((truths == label) | (predictions == label)) & known).sum()
        assert metrics[f'IoU_{name}'] == round(100 * (hits / union).item(), 2)
    assert math.isnan(metrics['IoU_cow']), 'no mask shows a cow'


def test_masks_alone(tmp_path):
    metric = ClassIoUMetric(format_only=True, output_dir=str(tmp_path))
    metric.dataset_meta = dict(classes=('background', 'cat'))
    metric.process({}, [dict(pred_sem_seg=dict(data=torch.zeros(1, 2, 2)), img_path='one.jpg')])
    assert metric.evaluate(1) == {} and (tmp_path / 'one.png').is_file()
