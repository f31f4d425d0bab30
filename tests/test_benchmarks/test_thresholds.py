"""Oracle and regret of the benchmark of thresholds."""

import importlib.util

import numpy as np
import pytest

from mmwsl.functional import DEQUANTIZED


@pytest.fixture(scope='module')
def benchmark(repository):
    spec = importlib.util.spec_from_file_location('thresholds', repository / 'benchmarks' / 'thresholds.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def mean_iou(codes, truth, thresholds):
    """Return the mean IoU of scores ``(2, n)`` of two classes, by the definition."""
    scores = DEQUANTIZED[codes]
    winner = scores.argmax(0)
    mask = np.where(scores.max(0) > np.array(thresholds)[winner], winner + 1, 0)
    pairs = [((mask == k) & (truth == k), (mask == k) | (truth == k)) for k in range(3)]
    return 100 * np.mean([hits.sum() / union.sum() for hits, union in pairs])


def test_the_regret_is_zero_at_the_oracle_and_never_negative(benchmark):
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 400)
    codes = random.integers(0, 256, (2, 400))
    for k in (1, 2):
        codes[k - 1, truth == k] = random.integers(80 + 40 * k, 256, (truth == k).sum())
    counts = np.zeros((2, 256, 3), int)
    np.add.at(counts, (codes.argmax(0), codes.max(0), truth), 1)
    for thresholds in ([0.3, 0.3], [0.2, 0.9], [0, 1], benchmark.GRID[[100, 30]]):
        assert benchmark.mean_iou(counts, thresholds) == pytest.approx(mean_iou(codes, truth, thresholds))
    best = benchmark.oracles(counts)
    common, highest = best['global_']
    every = [mean_iou(codes, truth, [t, t]) for t in benchmark.GRID]
    assert highest == pytest.approx(max(every)) == pytest.approx(benchmark.mean_iou(counts, common * 2))
    thresholds, highest_per_class = best['class_']
    assert highest_per_class == pytest.approx(mean_iou(codes, truth, thresholds)) and highest_per_class >= highest
    low, high = best['plateau'][0]
    inside = np.array(every) >= highest - benchmark.PLATEAU
    assert (low, high) == tuple(benchmark.GRID[inside][[0, -1]])
