"""Majority vote and mean over superpixels against the definition, pixel by pixel."""

import pytest
import torch

from mmwsl.functional import superpixel_majority, superpixel_mean


@pytest.fixture
def case():
    torch.manual_seed(0)
    return torch.rand(4, 9, 7), torch.randint(0, 6, (9, 7)) * 3  # ids with gaps


def test_majority_is_the_fraction_of_each_class(case):
    probs, superpixels = case
    result = superpixel_majority(probs, superpixels)
    labels = probs.argmax(0)
    for y in range(9):
        for x in range(7):
            members = labels[superpixels == superpixels[y, x]].tolist()
            expected = [members.count(k) / len(members) for k in range(4)]
            assert result[:, y, x].tolist() == pytest.approx(expected)


def test_mean_is_the_average_over_the_superpixel(case):
    probs, superpixels = case
    result = superpixel_mean(probs, superpixels)
    for number in superpixels.unique():
        inside = superpixels == number
        torch.testing.assert_close(result[:, inside], probs[:, inside].mean(1, keepdim=True).expand(-1, inside.sum()))


def test_pixels_in_no_superpixel_keep_their_own(case):
    probs, superpixels = case
    outside = torch.rand(9, 7) < 0.3
    partial = superpixels.masked_fill(outside, -1)
    own = torch.nn.functional.one_hot(probs.argmax(0), 4).permute(2, 0, 1).float()
    for reduce, expected in ((superpixel_majority, own), (superpixel_mean, probs)):
        result = reduce(probs, partial)
        assert torch.equal(result[:, outside], expected[:, outside])
        inside = superpixels == 0
        kept = inside & ~outside
        torch.testing.assert_close(result[:, kept], expected[:, kept].mean(1, keepdim=True).expand(-1, kept.sum()))
    assert torch.equal(superpixel_mean(probs, torch.full((9, 7), -1)), probs)


def test_the_lowest_class_wins_a_tie():
    probs = torch.tensor([[[0.1, 0.9]], [[0.2, 0.0]], [[0.7, 0.1]]])
    result = superpixel_majority(probs, torch.zeros(1, 2, dtype=torch.long))
    assert result.argmax(0).tolist() == [[0, 0]]


@pytest.mark.parametrize('reduce', [superpixel_majority, superpixel_mean])
def test_superpixels_of_one_pixel_change_no_label_and_a_single_superpixel_has_one_label(reduce):
    probs = torch.rand(3, 4, 5)
    assert torch.equal(reduce(probs, torch.arange(20).view(4, 5)).argmax(0), probs.argmax(0))
    assert reduce(probs, torch.zeros(4, 5, dtype=torch.long)).argmax(0).unique().numel() == 1


@pytest.mark.parametrize('reduce', [superpixel_majority, superpixel_mean])
@pytest.mark.parametrize(
    ('shape', 'labels'), [((3, 1, 8), 'one pixel row'), ((1, 4, 4), 'one label'), ((200, 6, 6), '200 labels')]
)
def test_extreme_shapes(reduce, shape, labels):
    probs = torch.rand(shape)
    result = reduce(probs, torch.zeros(shape[1:], dtype=torch.int32))
    assert result.shape == probs.shape and result.isfinite().all()


@pytest.mark.parametrize(
    ('probs', 'superpixels', 'message'),
    [
        (torch.rand(3, 4, 5), torch.zeros(5, 4, dtype=torch.long), r'size of `probs`.*\(5, 4\) and \(3, 4, 5\)'),
        (torch.rand(3, 4, 5), torch.zeros(4, 5), 'must be integer ids, -1 in no superpixel.*float32'),
        (torch.rand(3, 4, 5), torch.full((4, 5), -2), 'must be integer ids, -1 in no superpixel.*-2'),
        (torch.full((3, 4, 5), torch.nan), torch.zeros(4, 5, dtype=torch.long), 'must not be NaN'),
    ],
)
def test_bad_input(probs, superpixels, message):
    with pytest.raises(ValueError, match=message):
        superpixel_majority(probs, superpixels)
