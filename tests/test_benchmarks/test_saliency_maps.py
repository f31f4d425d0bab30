"""F-measure of the benchmark of saliency maps."""

import importlib.util

import numpy as np
import pytest


@pytest.fixture(scope='module')
def benchmark(repository):
    """The script as a module."""
    spec = importlib.util.spec_from_file_location('saliency_maps', repository / 'benchmarks' / 'saliency_maps.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_precision_and_recall_by_hand(benchmark):
    saliency = np.array([[1.0, 0.6, 0.0, 0.0], [0.6, 0.0, 0.0, 0.6]])  # twice the mean is 0.7
    mask = np.array([[3, 3, 0, 0], [0, 5, 0, 255]])
    found = benchmark.precision_recall(saliency, mask)
    assert found[0].tolist() == pytest.approx([2 / 3, 2 / 3])  # of the lowest fixed threshold
    assert found[-1].tolist() == pytest.approx([1, 1 / 3])
    assert benchmark.precision_recall(np.full((1, 2), 0.5), np.array([[0, 1]]))[-1].tolist() == [0.5, 1]


def test_f_measure_weighs_precision(benchmark):
    assert benchmark.f_measure(np.array([0.9, 0.5, 0.0]), np.array([0.5, 0.9, 0.0])).tolist() == pytest.approx(
        [1.3 * 0.45 / (0.27 + 0.5), 1.3 * 0.45 / (0.15 + 0.9), 0]
    )
