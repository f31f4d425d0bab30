"""Vote of regions, and masks as unions of superpixels."""

import numpy as np
import pytest
import torch

from mmwsl.functional import masks_to_superpixels, region_vote


def _vote(labels, masks, **rule):
    superpixels, members = masks_to_superpixels(masks)
    return region_vote(torch.as_tensor(labels), torch.from_numpy(superpixels), torch.from_numpy(members), **rule)


def _line(*parts):
    """Return one row of labels from (count, label) pairs."""
    return torch.cat([torch.full((1, count), label) for count, label in parts], 1)


def _mask(width, start, stop):
    mask = np.zeros((1, width), bool)
    mask[:, start:stop] = True
    return mask


@pytest.mark.parametrize(
    'region, overlap, pixels, taken',
    [
        (10, 6, 20, True),  # precision 0.6
        (10, 5, 20, False),  # precision 0.5 does not exceed 0.5
        (30, 12, 14, True),  # coverage 0.857
        (30, 11, 14, False),  # precision 0.367, coverage 0.786
        (60, 17, 20, True),  # coverage 0.85
    ],
)
def test_precision_or_coverage(region, overlap, pixels, taken):
    """The class has its first pixels outside the region, then ``overlap`` pixels in it."""
    outside = pixels - overlap
    labels = _line((outside, 3), (overlap, 3), (region - overlap, 0), (5, 0))
    result = _vote(labels, [_mask(labels.shape[1], outside, outside + region)])
    expected = _line((outside, 3), (region, 3 if taken else 0), (5, 0))
    assert torch.equal(result, expected)


def test_a_minimum_precision_keeps_a_small_class_from_a_large_region():
    labels = _line((4, 1), (96, 0))
    whole = [_mask(100, 0, 100)]
    assert (_vote(labels, whole) == 1).all(), "SEPL's rule"
    assert not _vote(labels, whole, min_precision=0.3).any()
    assert (_vote(labels, whole, min_precision=0.04) == 1).all()
    assert not _vote(labels, whole, coverage=1.01).any()


def test_the_largest_overlap_chooses_the_class_and_the_lowest_one_wins_a_tie():
    assert _vote(_line((3, 2), (4, 1)), [_mask(7, 0, 7)]).tolist() == [[1] * 7]
    assert _vote(_line((4, 2), (4, 1)), [_mask(8, 0, 8)]).tolist() == [[1] * 8]


def test_a_smaller_region_remains_visible_in_a_larger_one():
    labels = _line((9, 1), (3, 2), (8, 1))
    result = _vote(labels, [_mask(20, 9, 12), _mask(20, 0, 20)])
    assert torch.equal(result, labels)


def test_a_pixel_in_rejected_regions_is_background_and_one_without_region_keeps_its_label():
    labels = _line((4, 1), (6, 0), (10, 1))
    result = _vote(labels, [_mask(20, 0, 10)])
    assert torch.equal(result, _line((10, 0), (10, 1)))


def test_ignored_pixels_take_no_part_and_remain():
    labels = _line((3, 1), (2, 0), (5, 255), (20, 1))
    result = _vote(labels, [_mask(30, 0, 10)])  # 3 of 5 labeled pixels
    assert torch.equal(result, _line((5, 1), (5, 255), (20, 1)))
    nothing = _line((4, 255), (2, 0))
    assert torch.equal(_vote(nothing, [_mask(6, 0, 6)]), nothing)


def test_regions_of_one_pixel_change_nothing():
    torch.manual_seed(0)
    labels = torch.randint(0, 4, (5, 6))
    labels[2, 2:4] = 255
    superpixels = torch.arange(30).view(5, 6)
    assert torch.equal(region_vote(labels, superpixels), labels)


def test_superpixels_without_the_test_of_coverage_vote_by_majority():
    torch.manual_seed(0)
    labels, superpixels = torch.randint(0, 2, (9, 9)), torch.randint(0, 7, (9, 9))
    result = region_vote(labels, superpixels, coverage=2.0)
    for index in range(7):
        inside = superpixels == index
        assert (result[inside] == int(labels[inside].float().mean() > 0.5)).all()


def test_superpixels_are_regions_of_one_member_each():
    torch.manual_seed(0)
    labels, superpixels = torch.randint(0, 3, (9, 9)), torch.randint(0, 15, (9, 9))
    labels[4] = 255
    result = region_vote(labels, superpixels, precision=0.4)
    assert torch.equal(result, region_vote(labels, superpixels, torch.eye(15, dtype=torch.bool), precision=0.4))


def _by_definition(labels, masks, precision=0.5, coverage=0.85):
    """Return the vote of dense masks, pixel by pixel."""
    labels, classes = labels.numpy(), [c for c in np.unique(labels) if c not in (0, 255)]
    taken = []
    for mask in masks:
        inside = mask & (labels != 255)
        overlaps = {c: (inside & (labels == c)).sum() for c in classes}
        best = max(classes, key=lambda c: (overlaps[c], -c))
        share = overlaps[best] / max(inside.sum(), 1)
        if overlaps[best] and (share > precision or overlaps[best] / (labels == best).sum() >= coverage):
            taken.append((inside.sum(), best, mask))
    result = labels.copy()
    for place in zip(*np.nonzero(labels != 255), strict=True):
        votes = [(size, best) for size, best, mask in taken if mask[place]]
        if votes:
            result[place] = min(votes)[1]
        elif any(mask[place] for mask in masks):
            result[place] = 0
    return torch.from_numpy(result)


@pytest.mark.parametrize('seed', range(5))
def test_overlapping_masks_in_any_order_are_those_of_the_definition(seed):
    rng = np.random.default_rng(seed)
    labels = torch.from_numpy(rng.choice([0, 0, 1, 2, 3, 255], (12, 15)))
    corners = np.sort(rng.integers(0, 16, (70, 2, 2)), axis=2)
    masks = np.zeros((70, 12, 15), bool)  # more than one int64 encodes
    for mask, ((top, bottom), (left, right)) in zip(masks, corners, strict=True):
        mask[top:bottom, left:right] = True
    expected = _by_definition(labels, list(masks))
    assert torch.equal(_vote(labels, masks), expected)
    assert torch.equal(_vote(labels, masks[rng.permutation(70)]), expected)
    assert not torch.equal(expected, labels)


def test_superpixels_of_masks_restore_the_masks():
    rng = np.random.default_rng(0)
    masks = rng.random((130, 8, 9)) < rng.random((130, 1, 1))
    superpixels, members = masks_to_superpixels(masks)
    assert superpixels.shape == (8, 9) and np.array_equal(np.unique(superpixels), np.arange(members.shape[1]))
    assert np.array_equal(members[:, superpixels], masks)
    _, members = masks_to_superpixels([np.zeros((2, 2), bool), np.eye(2, dtype=bool)])
    assert members.shape == (2, 2), 'pixels in the same masks are one superpixel'


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(labels=torch.zeros(2, 3).long()), r'`labels` and `superpixels` must be \(H, W\)'),
        (dict(labels=torch.full((2, 2), -1)), '`labels` must be non-negative, got -1'),
        (dict(members=torch.eye(3)), '`members` must be boolean'),
        (dict(members=torch.eye(2) > 0), '`superpixels` must be 0 to 1, .* got 0 to 2'),
        (dict(coverage=0.0), '`coverage` positive'),
    ],
)
def test_wrong_arguments(change, message):
    valid = dict(labels=torch.ones(2, 2).long(), superpixels=torch.tensor([[0, 1], [2, 2]]), members=torch.eye(3) > 0)
    region_vote(**valid)
    with pytest.raises(ValueError, match=message):
        region_vote(**valid | change)
    with pytest.raises(ValueError, match='at least one mask'):
        masks_to_superpixels([])
