"""Displacements of all pixels from those of a coarse grid."""

import pytest
import torch

from mmwsl.functional import elastic_displacement


def test_the_outer_grid_points_keep_their_displacements():
    torch.manual_seed(0)
    vectors = torch.randn(2, 3, 3, dtype=torch.float64)
    moved = elastic_displacement(vectors, (21, 41))
    torch.testing.assert_close(moved[:, ::10, ::20], vectors)


def test_equal_vectors_shift_and_linear_vectors_are_monotone():
    shift = torch.tensor([3.0, -2.0])[:, None, None].expand(2, 3, 3)
    torch.testing.assert_close(elastic_displacement(shift, (9, 7)), shift[:, :1, :1].expand(2, 9, 7))
    ramp = torch.tensor([-1.0, 0.0, 1.0])[None, :, None].expand(2, 3, 3)
    assert (elastic_displacement(ramp, (9, 9)).diff(dim=1) > 0).all()


def test_cubic_interpolation_is_smooth_at_the_grid_points():
    """The slope does not jump at the middle point, where linear interpolation has a corner."""
    peak = torch.zeros(2, 3, 3)
    peak[:, 1, 1] = 1
    slopes = elastic_displacement(peak, (201, 201))[0, :, 100].diff()
    assert slopes[99:101].abs().max() < 0.2 * slopes.abs().max()


def test_two_components():
    with pytest.raises(ValueError, match=r'`vectors` must be \(2, h, w\), got \(3, 3\)'):
        elastic_displacement(torch.zeros(3, 3), (9, 9))
