"""Triton kernels give the results of torch, in Triton's interpreter, which needs no GPU."""

import os
import subprocess
import sys

import pytest

pytest.importorskip('triton', reason='Triton is missing. Install it with: pip install triton')

SETUP = """
import sys, torch
from mmwsl.functional import neighbor_average, triton_neighbors
import mmwsl.functional
refinement = sys.modules['mmwsl.functional.pixel_adaptive']
torch.manual_seed(0)
offsets = [(y * d, x * d) for d in (1, 2, 12) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x]
"""
AVERAGE = """
for labels in (1, 3, 21):
    for dtype in (torch.float32, torch.float64):
        maps = torch.rand(labels, 13, 17, dtype=dtype)
        weights = torch.rand(len(offsets), 13, 17, dtype=dtype) / 20
        for iterations in (0, 1, 2, 3):
            expected = neighbor_average._sum_rows(maps, weights, offsets, iterations)
            result = triton_neighbors.average_neighbors(maps, weights, offsets, iterations)
            torch.testing.assert_close(result, expected)
"""
AFFINITY = """
for channels in (1, 3):
    image = torch.randint(0, 256, (channels, 13, 17)).double()
    image[:, :5, :6] = 90
    for variant in ('pamr', 'par'):
        expected = refinement._affinity(image, offsets, variant)
        count = 27 if variant == 'pamr' else 24
        near = expected - refinement._torch_affinity(image, offsets, count, variant)
        assert near.std((1, 2)).max() < 1e-12
        result = triton_neighbors.affinity(image, offsets, near[:, 0, 0].contiguous(), count, 1e-8, variant == 'pamr')
        torch.testing.assert_close(result, expected)
"""

UPDATE = """
from mmwsl.functional import triton_crf
from mmwsl.functional.permutohedral import PermutohedralLattice
for dims in ((2, 5), (3,)):
    for labels in (2, 21):
        lattice = PermutohedralLattice.sum_of([PermutohedralLattice(3 * torch.rand(150, dim).double()) for dim in dims])
        unary = torch.randn(150, labels).double()
        unary[:70, 0] = -torch.inf
        probs = unary.softmax(1)
        for _ in range(2):
            expected = (unary + lattice.filter(probs)).softmax(1)
            probs = triton_crf.update(lattice, probs, unary)
            torch.testing.assert_close(probs, expected)
"""


@pytest.mark.parametrize('script', [AVERAGE, AFFINITY, UPDATE], ids=['average', 'affinity', 'update'])
def test_results(script):
    environment = dict(os.environ, TRITON_INTERPRET='1')
    run = subprocess.run([sys.executable, '-c', SETUP + script], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
