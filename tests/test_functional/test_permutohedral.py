"""Lattice filter against the paper's algorithm, point by point, and against exact sums."""

import math

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mmwsl.functional import PermutohedralLattice
from mmwsl.functional.permutohedral import _transformed


def paper_filter(features, values):
    """Compute section 3 of Adams et al. in d + 1 coordinates of the hyperplane, with corners in a dictionary."""
    count, d = features.shape
    corners, weights = [], []
    for point in features.tolist():
        scaled = [p * math.sqrt(2 / 3) * (d + 1) / math.sqrt((i + 1) * (i + 2)) for i, p in enumerate(point)]
        elevated = [sum(scaled)] + [sum(scaled[j:]) - j * scaled[j - 1] for j in range(1, d + 1)]
        # The nearest lattice point of remainder 0: round to multiples of d + 1, then repair the sum to zero.
        nearest = [(d + 1) * round(e / (d + 1)) for e in elevated]
        rank = [sum(elevated[j] - nearest[j] > elevated[i] - nearest[i] for j in range(d + 1)) for i in range(d + 1)]
        excess = sum(nearest) // (d + 1)
        for i in range(d + 1):
            rank[i] += excess
            if rank[i] < 0:
                rank[i] += d + 1
                nearest[i] += d + 1
            elif rank[i] > d:
                rank[i] -= d + 1
                nearest[i] -= d + 1
        offsets = sorted(((elevated[i] - nearest[i]) / (d + 1) for i in range(d + 1)), reverse=True)
        barycentric = [1 + offsets[d] - offsets[0]] + [offsets[d - r] - offsets[d - r + 1] for r in range(1, d + 1)]
        corners.append(
            [tuple(nearest[i] + (r if rank[i] <= d - r else r - d - 1) for i in range(d + 1)) for r in range(d + 1)]
        )
        weights.append(barycentric)
    lattice = {}
    for n in range(count):
        for corner, weight in zip(corners[n], weights[n], strict=True):
            lattice[corner] = lattice.get(corner, 0) + weight * values[n]
    for axis in range(d + 1):
        step = [d if i == axis else -1 for i in range(d + 1)]
        lattice = {
            corner: value
            + sum(lattice.get(tuple(c + sign * s for c, s in zip(corner, step, strict=True)), 0) for sign in (-1, 1))
            / 2
            for corner, value in lattice.items()
        }
    rows = [sum(w * lattice[c] for c, w in zip(corners[n], weights[n], strict=True)) for n in range(count)]
    return torch.stack(rows) / (1 + 2**-d)


def gaussian(features):
    """Compute the kernel of all pairs exactly."""
    return torch.exp(-(features[:, None] - features).square().sum(-1) / 2)


def points(count, dim, spread, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(count, dim, generator=generator, dtype=torch.float64) - 0.5) * spread


@pytest.mark.parametrize('dim', [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize('spread', [0.5, 4, 40])
def test_equals_the_papers_algorithm(dim, spread):
    features, values = points(60, dim, spread), points(60, 3, 1, seed=1)
    torch.testing.assert_close(PermutohedralLattice(features).filter(values), paper_filter(features, values))


@pytest.mark.parametrize(
    ('dim', 'gain', 'mean_error', 'max_error'),
    [(1, 0.91, 0.001, 0.004), (2, 0.86, 0.002, 0.01), (3, 0.80, 0.003, 0.02), (5, 0.63, 0.006, 0.04)],
)
def test_error_against_exact_sums(dim, gain, mean_error, max_error):
    """The docstring states these measured bounds. Gaps in the lattice reduce all sums by the same factor."""
    features, values = points(600, dim, 3), points(600, 2, 1, seed=1) + 0.5
    lattice, kernel = PermutohedralLattice(features), gaussian(features)
    ones = torch.ones(600, 1, dtype=torch.float64)
    sums, exact_sums = lattice.filter(values), kernel @ values
    assert (sums.sum() / exact_sums.sum()).item() == pytest.approx(gain, abs=0.015)
    error = (sums / lattice.filter(ones) - exact_sums / kernel.sum(1, keepdim=True)).abs()
    assert error.mean() < mean_error and error.max() < max_error


def test_points_far_apart_do_not_mix_and_equal_points_do():
    features = torch.tensor([[0.0, 0.0], [0.0, 0.0], [50.0, 0.0], [-50.0, 0.0]])
    result = PermutohedralLattice(features).filter(torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0], [0.0, 0.0]]))
    assert result[3].tolist() == [0, 0] and result[2, 0] == 0 and result[0, 1] == 0
    assert result[0, 0] == result[1, 0] > 0.3 and result[2, 1] > 0.3


def test_columns_do_not_mix_and_order_of_points_does_not_matter():
    features, values = points(50, 3, 4), points(50, 30, 1)
    result = PermutohedralLattice(features).filter(values)
    for column in (0, 29):
        torch.testing.assert_close(
            PermutohedralLattice(features).filter(values[:, column : column + 1])[:, 0], result[:, column]
        )
    order = torch.randperm(50, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(PermutohedralLattice(features[order]).filter(values[order]), result[order])


def test_transposed_filter_is_the_adjoint():
    lattice = PermutohedralLattice(points(40, 5, 4))
    matrix = lattice.apply(torch.eye(40, dtype=torch.float64))
    torch.testing.assert_close(lattice.apply(torch.eye(40, dtype=torch.float64), transposed=True), matrix.T)
    # Because of missing neighbors it is not symmetric, so the order of the blur matters.
    assert (matrix - matrix.T).abs().max() > 1e-3


def test_gradient():
    lattice = PermutohedralLattice(points(12, 3, 3))
    assert torch.autograd.gradcheck(lattice.filter, points(12, 2, 1).requires_grad_())


@pytest.mark.parametrize('dims', [(2, 5), (5, 2), (1, 3, 3), (4,)])
def test_a_sum_of_lattices_is_the_sum_of_their_filters(dims):
    lattices = [PermutohedralLattice(points(40, dim, 2.0, seed)) for seed, dim in enumerate(dims)]
    lattices[0].scale_(torch.linspace(0.5, 2, 40, dtype=torch.float64))
    joined = PermutohedralLattice.sum_of(lattices)
    values = torch.randn(40, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
    torch.testing.assert_close(joined.filter(values), sum(lattice.filter(values) for lattice in lattices))
    transposed = sum(lattice.apply(values, transposed=True) for lattice in lattices)
    torch.testing.assert_close(joined.apply(values, transposed=True), transposed)


def test_a_lattice_on_a_gpu_needs_no_product_of_matrices():
    """A GPU rounds their factors to 10 bits while TF32 is on, as in trainings: points would change their simplex."""
    called = set()

    class Record(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            called.add(function.overloadpacket.__name__)
            return function(*args, **kwargs or {})

    features = points(40, 5, 4).to('meta')  # stands for a GPU: its tensors have shapes and no values
    with Record():
        assert _transformed(features).shape == (5, 40)
    assert 'addcmul_' in called and not called & {'mm', 'addmm', 'bmm', 'baddbmm', 'mv', 'dot', 'matmul'}


def test_scale_acts_before_and_after():
    features, values, scale = points(30, 2, 4), points(30, 3, 1), points(30, 1, 1).flatten() + 2
    plain = PermutohedralLattice(features).filter(values * scale[:, None]) * scale[:, None]
    torch.testing.assert_close(PermutohedralLattice(features).scale_(scale).filter(values), plain)


def test_float32_is_close_to_float64():
    features, values = points(200, 5, 20), points(200, 21, 1)
    single = PermutohedralLattice(features.float()).filter(values.float())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single, PermutohedralLattice(features).filter(values).float(), atol=1e-4, rtol=1e-4)


def test_neighbors_beyond_an_end_are_missing():
    """In a diamond with sides along the lattice, many corners are the first or the last of an axis."""
    a, b = points(300, 2, 5).unbind(1)
    features, values = torch.stack([(a - b) * 3**0.5 / 2, (a + b) / 2], 1), points(300, 2, 1, seed=1)
    torch.testing.assert_close(PermutohedralLattice(features).filter(values), paper_filter(features, values))


def test_large_keys_stay_distinct():
    """Joined keys and positions would overflow and merge two keys."""
    keys = torch.tensor([[5, 5 + 2**61], [6, 5]])
    lattice = PermutohedralLattice(torch.zeros(1, 1))
    distinct, positions = lattice._number(keys)
    assert distinct.tolist() == [5, 6, 5 + 2**61]
    assert lattice.corners.tolist() == [[0, 1], [2, 0]]
    assert positions.tolist() == [0, 3, 1, 2] and lattice._points.tolist() == [0, 1, 0, 1]


def test_a_far_outlier_does_not_change_other_points():
    features, values = points(50, 2, 4), points(50, 3, 1)
    outlier = torch.full((1, 2), 2.0**29, dtype=torch.float64) * torch.tensor([1.0, -1.0])
    result = PermutohedralLattice(torch.cat([features, outlier])).filter(torch.cat([values, values[:1]]))
    torch.testing.assert_close(result[:-1], PermutohedralLattice(features).filter(values), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(
    ('features', 'message'),
    [
        (torch.zeros(3), r'matrix \(N, d\)'),
        (torch.zeros(0, 2), 'at least one row'),
        (torch.zeros(2, 0), 'one column'),
        (torch.zeros(2, 2, dtype=torch.long), 'int64'),
        (torch.tensor([[0.0, float('nan')]]), 'finite'),
        (torch.tensor([[0.0, float('inf')]]), 'finite'),
        (torch.tensor([[0.0, 0.0], [1e12, -1e12]]), 'wider kernel'),
    ],
)
def test_bad_features(features, message):
    with pytest.raises(ValueError, match=message):
        PermutohedralLattice(features)


@pytest.mark.parametrize('values', [torch.zeros(4, 2), torch.zeros(3), torch.zeros(3, 2, dtype=torch.float64)])
def test_bad_values(values):
    with pytest.raises(ValueError, match='one row for each of the 3 points'):
        PermutohedralLattice(torch.zeros(3, 2)).filter(values)
