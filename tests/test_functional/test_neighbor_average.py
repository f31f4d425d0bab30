"""Weighted sums over neighbors against loops over pixels, in each way in which they are computed."""

import warnings
from functools import cache

import pytest
import torch

from mmwsl.functional import neighbor_average
from mmwsl.functional.neighbor_average import _sum_rows, _sum_shifted, average_neighbors

OFFSETS = [(-1, 0), (0, 2), (3, -1), (0, 0), (-9, 9)]  # the last exceeds the map


def case(labels=3, height=5, width=7):
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(labels, height, width, generator=generator, dtype=torch.float64)
    return maps, torch.rand(len(OFFSETS), height, width, generator=generator, dtype=torch.float64)


def definition(maps, weights, iterations):
    _, height, width = maps.shape
    for _ in range(iterations):
        result = torch.zeros_like(maps)
        for (dy, dx), weight in zip(OFFSETS, weights, strict=True):
            for y in range(height):
                for x in range(width):
                    near = min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)
                    result[:, y, x] += weight[y, x] * maps[:, near[0], near[1]]
        maps = result
    return maps


@pytest.mark.parametrize('way', [_sum_rows, _sum_shifted, average_neighbors])
@pytest.mark.parametrize('iterations', [0, 1, 3])
def test_is_its_definition(way, iterations):
    maps, weights = case()
    torch.testing.assert_close(way(maps, weights, OFFSETS, iterations), definition(maps, weights, iterations))


@pytest.mark.parametrize('way', [_sum_rows, _sum_shifted])
def test_gradient(way):
    maps, weights = case()
    assert torch.autograd.gradcheck(lambda m: way(m, weights, OFFSETS, 2), maps.requires_grad_())


def test_the_input_does_not_change():
    maps, weights = case()
    before = maps.clone()
    for way in (_sum_rows, _sum_shifted):
        way(maps, weights, OFFSETS, 2)
    assert torch.equal(maps, before)


def test_few_labels_of_a_large_map_are_shifted(monkeypatch):
    called = []
    monkeypatch.setattr(neighbor_average, '_sum_shifted', lambda *args: called.append(len(args[0])))
    for labels, side in ((7, 128), (8, 128), (7, 127)):
        average_neighbors(torch.rand(labels, side, side), torch.rand(5, side, side), OFFSETS, 1)
    assert called == [7]


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_one_warning_says_that_triton_cannot_run(monkeypatch):
    monkeypatch.setattr(neighbor_average, '_load_kernels', cache(neighbor_average._load_kernels.__wrapped__))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        monkeypatch.setenv('MMWSL_TRITON', '0')
        assert neighbor_average.triton_kernels() is None and not caught
        monkeypatch.setenv('MMWSL_TRITON', '1')
        assert neighbor_average.triton_kernels() is None and neighbor_average.triton_kernels() is None
    (warning,) = caught
    assert str(warning.message).startswith('MMWSL_TRITON=1 has no effect, torch computes instead: ')
