"""Search for one background threshold per class."""

import itertools
import json

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmwsl.evaluation import ClassThresholdSearch, ThresholdIoUMetric
from mmwsl.functional import class_thresholds
from mmwsl.inference.postprocessors import ClassThresholds

GRID = [0.2, 0.4, 0.6, 0.8]


def mean_iou(pairs, classes):
    """Mean IoU over classes in percent, by its definition."""
    values = []
    for k in range(classes):
        inside = [((pred == k) & (gt != 255), gt == k) for pred, gt in pairs]
        union = sum(int((a | b).sum()) for a, b in inside)
        if union:
            values.append(sum(int((a & b).sum()) for a, b in inside) / union)
    return 100 * np.mean(values)


@pytest.fixture
def images():
    torch.manual_seed(0)
    pairs = []
    for height in (6, 9):
        gt = torch.randint(0, 3, (height, 8))
        scores = 0.6 * torch.rand(3, height, 8)
        scores[1] += 0.1 * (gt == 1)
        scores[2] += 0.4 * (gt == 2)
        gt[0, :2] = 255
        pairs.append((scores.clamp(max=1.0), gt))
    return pairs


def evaluate(metric, images):
    metric.dataset_meta = dict(classes=('background', 'a', 'b'))
    for scores, gt in images:
        sample = SegDataSample(pred_scores=PixelData(data=scores), gt_sem_seg=PixelData(data=gt[None]))
        metric.process({}, [sample.to_dict()])
    return metric.evaluate(len(images))


def test_the_search_finds_the_best_of_all_combinations(images, tmp_path):
    path = tmp_path / 'deep' / 'thresholds.json'
    metric = ClassThresholdSearch(tuned_on='masks of a test', out_file=str(path), thresholds=GRID)
    found = evaluate(metric, images)['oracle_mIoU_class_thresholds']

    def miou_of(thresholds):
        return mean_iou(
            [(class_thresholds(scores, torch.tensor(thresholds)).argmax(0), gt) for scores, gt in images], 3
        )

    assert found == pytest.approx(max(map(miou_of, itertools.product(GRID, GRID))), abs=0.006)
    content = json.loads(path.read_text())
    assert content['tuned_on'] == 'masks of a test'
    assert miou_of(content['thresholds']) == pytest.approx(found, abs=0.006)
    postprocessor = ClassThresholds(str(path))
    assert postprocessor.tuned_on == 'masks of a test'
    assert [p.name for p in path.parent.iterdir()] == ['thresholds.json']


def test_thresholds_per_class_are_at_least_as_good_as_one_threshold(images):
    common = evaluate(ThresholdIoUMetric(thresholds=GRID), images)['oracle_mIoU']
    per_class = evaluate(ClassThresholdSearch(tuned_on='a test', thresholds=GRID), images)[
        'oracle_mIoU_class_thresholds'
    ]
    assert per_class > common  # the two classes have different score levels


def test_a_class_without_a_pixel_does_not_count(images):
    images = [(scores, torch.where(gt == 2, 0, gt)) for scores, gt in images]
    found = evaluate(ClassThresholdSearch(tuned_on='a test', thresholds=[0.5, 1.0]), images)[
        'oracle_mIoU_class_thresholds'
    ]
    expected = max(
        mean_iou([(class_thresholds(scores, torch.tensor(pair)).argmax(0), gt) for scores, gt in images], 3)
        for pair in itertools.product([0.5, 1.0], [0.5, 1.0])
    )
    assert found == pytest.approx(expected, abs=0.006)


def test_masks_without_a_labeled_pixel_are_an_error(images):
    images = [(scores, torch.full_like(gt, 255)) for scores, gt in images]
    with pytest.raises(ValueError, match='must contain pixels of the classes, got none'):
        evaluate(ClassThresholdSearch(tuned_on='a test'), images)
