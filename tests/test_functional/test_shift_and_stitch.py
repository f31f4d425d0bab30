"""Shift-and-stitch against a definition without shifts, and interpolation of score maps."""

import pytest
import torch
from torch.nn import functional as F

from mmwsl.functional import interpolate_score_map, shift_and_stitch


def _largest(x):
    return F.max_pool2d(x, 5, stride=4)


@pytest.mark.parametrize('step', [1, 2, 4])
@pytest.mark.parametrize('size', [(8, 8), (11, 9), (12, 15)])
def test_stitched_is_the_map_of_windows_at_every_step(step, size):
    torch.manual_seed(0)
    x = torch.randn(2, 3, *size)
    stitched = shift_and_stitch(_largest, x, stride=4, step=step)
    windows = x.unfold(2, 5, step).unfold(3, 5, step).amax((-1, -2))
    torch.testing.assert_close(stitched, windows, rtol=0, atol=0)


def test_a_step_of_one_stride_is_one_forward_pass():
    calls = []
    x = torch.randn(1, 1, 12, 12)
    stitched = shift_and_stitch(lambda x: calls.append(x) or _largest(x), x, stride=4, step=4)
    assert len(calls) == 1
    torch.testing.assert_close(stitched, _largest(x), rtol=0, atol=0)


@pytest.mark.parametrize('stride, step', [(4, 3), (4, 8), (4, 0), (0, 1)])
def test_bad_step(stride, step):
    with pytest.raises(ValueError, match=f'`step` must be a divisor of `stride`, got step={step} and stride={stride}'):
        shift_and_stitch(_largest, torch.zeros(1, 1, 12, 12), stride, step)


def test_wrong_stride_is_rejected_where_locations_are_missing():
    with pytest.raises(
        ValueError, match=r'`stride` must be the stride of `score`, got 16.*after a shift by \(0, 8\) pixels'
    ):
        shift_and_stitch(_largest, torch.zeros(1, 1, 40, 40), 16, 4)


@pytest.mark.parametrize('first, stride', [((0, 0), (1, 1)), ((2, 1), (4, 3)), ((-1.5, 0.5), (2, 4))])
def test_scores_are_interpolated_at_the_positions_of_their_locations(first, stride):
    """A score that is linear in the position of its location is interpolated to the position of the pixel."""
    locations, size = (5, 6), (7, 9)
    rows, columns = (start + step * torch.arange(n) for start, step, n in zip(first, stride, locations, strict=True))
    scores = torch.stack([rows[:, None].expand(locations), columns.expand(locations)])[None].float()
    pixels = torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in size), indexing='ij')
    limits = ((rows[0], rows[-1]), (columns[0], columns[-1]))
    expected = torch.stack([p.clamp(*limit) for p, limit in zip(pixels, limits, strict=True)])[None]
    torch.testing.assert_close(interpolate_score_map(scores, size, first, stride), expected)


def test_a_score_map_of_stride_one_does_not_change():
    scores = torch.randn(1, 2, 5, 6)
    assert interpolate_score_map(scores, (5, 6), (0, 0), (1, 1)) is scores
    torch.testing.assert_close(
        interpolate_score_map(scores, (17, 21), (0, 0), (4, 4))[..., ::4, ::4], scores, rtol=0, atol=0
    )


def test_gradient_of_the_interpolation():
    scores = torch.randn(1, 1, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: interpolate_score_map(s, (7, 5), (1, -0.5), (2, 3)), scores)
