"""Search for one background threshold per class."""

import itertools
import json

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmwsl.evaluation import ClassThresholdSearch, ThresholdIoUMetric
from mmwsl.evaluation.metrics.class_threshold_search import search_class_thresholds
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


def exhaustive(counts):
    """Highest mean IoU of all combinations of thresholds, by its definition."""
    pixels, best = counts.sum((0, 1)), 0
    for steps in itertools.product(range(counts.shape[1] - 1), repeat=len(counts)):
        foreground = np.array([own[step + 1 :].sum(0) for own, step in zip(counts, steps, strict=True)])
        confusion = np.vstack([pixels - foreground.sum(0), foreground])
        union = confusion.sum(1) + pixels - confusion.diagonal()
        best = max(best, (confusion.diagonal()[union > 0] / union[union > 0]).mean())
    return best


@pytest.mark.parametrize('seed', range(40))
def test_the_search_finds_the_best_combination_of_random_counts(seed):
    rng = np.random.default_rng(seed)
    profile = rng.dirichlet(np.full(7, 0.3), size=(3, 4)).transpose(0, 2, 1)
    counts = np.round(10 ** rng.uniform(0, 4, (3, 1, 4)) * profile).astype(int)
    assert np.nanmean(search_class_thresholds(counts)[1]) == pytest.approx(exhaustive(counts))


def test_the_search_leaves_a_local_optimum():
    """Coordinate ascent from the best common threshold ends 5 points lower."""
    counts = np.array(
        [
            [[0, 0, 1], [0, 2, 2], [0, 0, 22], [0, 1, 0], [1, 0, 1]],
            [[0, 0, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0], [0, 1, 0]],
        ]
    )
    chosen, ious = search_class_thresholds(counts)
    assert np.nanmean(ious) == pytest.approx(exhaustive(counts))
    assert len(set(chosen)) > 1


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


def test_a_class_without_a_pixel_gets_the_median_threshold_and_a_warning(images, tmp_path, caplog):
    images = [(scores, torch.where(gt == 2, 0, gt)) for scores, gt in images]
    metric = ClassThresholdSearch(tuned_on='a test', out_file=str(tmp_path / 't.json'), thresholds=GRID)
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    evaluate(metric, images)
    logger.removeHandler(caplog.handler)
    first, second = json.loads((tmp_path / 't.json').read_text())['thresholds']
    assert first == second < GRID[-1]
    assert 'a test: no pixel of b.' in caplog.text


def test_masks_without_a_labeled_pixel_are_an_error(images):
    images = [(scores, torch.full_like(gt, 255)) for scores, gt in images]
    with pytest.raises(ValueError, match='must contain pixels of the classes, got none'):
        evaluate(ClassThresholdSearch(tuned_on='a test'), images)
