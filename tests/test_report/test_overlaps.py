"""IoU of the masks by thresholds, against the metric of mmseg on the masks."""

import json
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from mmseg.evaluation import IoUMetric
from PIL import Image

from mmwsl.evaluation.metrics.threshold_iou_metric import argmax_counts
from mmwsl.functional import class_thresholds
from mmwsl.functional.quantization import DEQUANTIZED, quantize_threshold
from mmwsl.report import write_report
from mmwsl.report.gallery import measure_overlaps
from mmwsl.report.maps import nearest
from mmwsl.report.overlaps import count_overlaps, sum_overlaps
from mmwsl.report.threshold_charts import format_score, mean_iou_chart, threshold_charts

from .conftest import CLASSES, THRESHOLDS, make_data, smooth_codes, write_project

K = len(CLASSES)


def make_images(seed, count=3, size=(40, 50)):
    """Return pairs of codes, with dropped classes, and masks of all classes with ignored pixels."""
    rng = np.random.default_rng(seed)
    images = []
    for number in range(count):
        codes = smooth_codes(rng, size)
        codes[1 + number % 3] = 0
        mask = np.where(codes[1:].max(0) > 128, 1 + codes[1:].argmax(0), 0)
        noise = rng.choice([0, 1, 2, 255], size)
        images.append((codes, np.where(rng.random(size) < 0.4, noise, mask).astype(np.uint8)))
    images[-1][0][1:] = 0  # an image whose image-level labels exclude every class
    return images


def brute_force(images, thresholds):
    """Return the IoU of each class by the metric of mmseg on the masks of the rule."""
    areas = []
    for codes, ground_truth in images:
        scores = torch.from_numpy(DEQUANTIZED[codes])
        mask = class_thresholds(scores, torch.tensor(thresholds, dtype=torch.float64)).argmax(0)
        pair = mask, torch.from_numpy(ground_truth.astype(np.int64))
        areas.append(torch.stack(IoUMetric.intersect_and_union(*pair, K, 255)[:2]))
    intersection, union = torch.stack(areas).sum(0).double()
    return (intersection / union).numpy()


def through_json(counts):
    """Write and read counts as the files of a report do."""
    return {key: {int(k): part for k, part in parts.items()} for key, parts in json.loads(json.dumps(counts)).items()}


@pytest.mark.parametrize('seed', range(4))
def test_ious_are_those_of_the_masks(seed):
    images = make_images(seed)
    overlaps = sum_overlaps([through_json(count_overlaps(*image)) for image in images], K)
    random = np.random.default_rng(seed).random((8, 3)).tolist()
    for thresholds in (
        *([0.0] * 3, [1.0] * 3, [0.0, 1.0, 0.5], [0.999, 0.001, 0.3], DEQUANTIZED[[77, 128, 200]].tolist()),
        *random,
    ):
        limits = [quantize_threshold(value) for value in thresholds]
        expected = brute_force(images, thresholds)
        np.testing.assert_allclose(overlaps.ious(limits), expected, rtol=1e-12)
        assert overlaps.mean_iou(limits) == pytest.approx(np.nanmean(expected))
    assert overlaps.pixels == sum((mask != 255).sum() for _, mask in images)


def test_a_class_in_neither_has_no_iou():
    codes = np.zeros((K, 4, 4), np.uint8)
    codes[1] = 200
    overlaps = sum_overlaps([count_overlaps(codes, np.zeros((4, 4), np.uint8))], K)
    np.testing.assert_array_equal(overlaps.ious([256] * 3), [1, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(overlaps.ious([200] * 3), [0, 0, np.nan, np.nan])
    assert overlaps.mean_iou([256] * 3) == 1 and overlaps.mean_iou([200] * 3) == 0


def test_a_ground_truth_class_beyond_the_classes_is_counted_as_the_metric_does():
    codes = smooth_codes(np.random.default_rng(0), (20, 20))
    mask = np.random.default_rng(1).choice([0, 1, 2, 3, 77, 255], (20, 20)).astype(np.uint8)
    overlaps = sum_overlaps([count_overlaps(codes, mask)], K)
    limits = [quantize_threshold(value) for value in THRESHOLDS]
    np.testing.assert_allclose(overlaps.ious(limits), brute_force([(codes, mask)], THRESHOLDS))


def test_the_tables_are_parts_of_the_counts_of_the_search():
    codes, mask = make_images(5)[0]
    tensors = (torch.from_numpy(values) for values in (DEQUANTIZED[codes[1:]], mask.astype(np.int64), DEQUANTIZED))
    counts = argmax_counts(*tensors).numpy()
    overlaps = sum_overlaps([count_overlaps(codes, mask)], K)
    exceeding = counts[:, ::-1].cumsum(1)[:, ::-1]  # (K - 1, T + 1, K): scores that exceed at least t thresholds
    for k in range(1, K):
        np.testing.assert_array_equal(overlaps.tails[0, k - 1, 1:], exceeding[k - 1, 1:, k])
        np.testing.assert_array_equal(overlaps.tails[1, k - 1, 1:], exceeding[k - 1, 1:, 0])
        np.testing.assert_array_equal(overlaps.tails[2, k - 1, 1:], exceeding[k - 1, 1:].sum(-1))


def test_ground_truth_of_another_size_is_compared_at_the_size_of_the_scores():
    codes, mask = make_images(2)[0]
    large = mask.repeat(3, 0).repeat(2, 1)
    assert (nearest(large, *mask.shape) == mask).all()
    assert count_overlaps(codes, large) == count_overlaps(codes, mask)
    assert sum(count_overlaps(codes, mask[::2, ::3])['areas'].values()) <= codes[0].size


def test_an_ignored_mask_measures_nothing(tmp_path):
    (image,) = write_project(tmp_path, ['a.jpg'])
    Image.fromarray(np.full((60, 90), 255, np.uint8)).save(image.ground_truth)
    folder = write_report(make_data([image]), tmp_path / 'report').parent
    assert '"measured":null' in (folder / 'data' / 'gallery.js').read_text()
    assert 'mIoU by one threshold' not in (folder / 'index.html').read_text()


def measure(overlaps=None, labels=CLASSES[1:], **settings):
    """Measure a validation image that is in the training images as well."""
    index = None if labels is None else [CLASSES.index(name) for name in labels]
    entry = dict(split='val', labels=index, tops={1: 9})
    facts = {} if overlaps is None else dict(overlaps=overlaps)
    return measure_overlaps(make_data([], **settings), [dict(entry, split='train'), entry], [facts, facts])


def test_the_note_names_the_supervision():
    counts = count_overlaps(*make_images(0)[0])
    measured = measure(counts)
    labels = 'only classes in their image-level labels have scores'
    assert measured.text == '1 val image'
    assert measured.note == f'measured on ground-truth masks; {labels}; Trained without masks <u>.'
    assert labels not in measure(counts, labels=['cow']).note
    assert labels not in measure(counts, labels=None).note
    assert measure(counts, labels=None, supervision='').note == 'measured on ground-truth masks'
    assert measure() is None


def test_charts_show_how_iou_reacts():
    measured = measure(count_overlaps(*make_images(0)[0]))
    data = make_data([])
    chart = mean_iou_chart(data, measured)
    limits = [quantize_threshold(value) for value in THRESHOLDS]
    assert chart['chosen'] == pytest.approx(100 * measured.overlaps.mean_iou(limits))
    common = [100 * measured.overlaps.mean_iou([quantize_threshold(t)] * 3) for t in np.linspace(0, 1, 999)]
    assert chart['best'] == pytest.approx(max(common))
    best = quantize_threshold(chart['best_threshold'])
    assert 100 * measured.overlaps.mean_iou([best] * 3) == pytest.approx(chart['best'])
    rows = threshold_charts(data, measured)
    np.testing.assert_allclose([row['iou'] for row in rows], 100 * measured.overlaps.ious(limits)[1:])
    drawn = [svg for row in [chart, *rows] for key in ('chart', 'iou_chart') if (svg := row.get(key))]
    assert len(drawn) == 5  # mIoU, the measure of one class, IoU of three classes
    for svg in drawn:  # all axes are the same, so that charts can be compared
        texts = [text.text for text in ElementTree.fromstring(str(svg)).iter('text') if text.get('class') == 'x']
        assert texts == ['0', '0.01', '0.1', '0.3', '0.5', '0.7', '0.9', '0.99', '1']
    assert mean_iou_chart(replace(data, thresholds=None), measured)['chosen'] is None
    assert mean_iou_chart(data, None) is None and threshold_charts(replace(data, thresholds=None), measured) == []


@pytest.mark.parametrize(
    'value, text', [(0, '0'), (1, '1'), (0.5, '0.5'), (0.6456949, '0.64569'), (0.99996, '0.99996')]
)
def test_scores_are_told_apart_near_their_ends(value, text):
    assert format_score(value) == text
