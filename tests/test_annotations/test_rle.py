"""Run-length encodings of masks against pixel loops and pycocotools."""

import sys

import numpy as np
import pytest

from mmwsl.annotations.rle import count_runs, decode_counts, mask_runs, rle_boxes, segmentation_runs

from .helpers import SHAPE, random_masks, uncompressed


def compressed(counts):
    """COCO's string, bit by bit from its description."""
    text = ''
    for index, count in enumerate(counts):
        number = count - counts[index - 2] if index > 2 else count
        while True:
            group, number = number & 31, number >> 5  # the shift keeps the sign
            last = number == (-1 if group & 16 else 0)
            text += chr(48 + group + (0 if last else 32))
            if last:
                break
    return text


def test_counts_by_hand():
    # 3 outside, 4 inside, 33 outside, 8 inside: 33 needs two groups, 8 is coded as its difference to 4
    assert decode_counts('34Q14').tolist() == [3, 4, 33, 8]
    assert decode_counts(b'34Q14').tolist() == [3, 4, 33, 8]
    assert count_runs([3, 4, 33, 8], 48).tolist() == [[3, 7], [40, 48]]
    assert count_runs([0, 2, 0, 1], 3).tolist() == [[0, 2], [2, 3]]
    assert decode_counts('').tolist() == []


@pytest.mark.parametrize('seed', range(5))
def test_runs_hold_the_mask(seed):
    rng = np.random.default_rng(seed)
    # runs of all lengths, also long ones that need several groups and give negative differences
    shape = (50, 60)
    mask = np.repeat(rng.random(3000) < 0.5, rng.integers(1, 200, 3000))[:3000].reshape(60, 50).T
    counts = uncompressed(mask)
    assert decode_counts(compressed(counts)).tolist() == counts
    assert any(count < before for before, count in zip(counts[1:], counts[3:], strict=False))
    for segmentation in (dict(size=[50, 60], counts=counts), dict(size=(50, 60), counts=compressed(counts))):
        runs = segmentation_runs(segmentation, shape)
        np.testing.assert_array_equal(runs, mask_runs(mask))
        line = np.zeros(3000, bool)
        for start, stop in runs:
            line[start:stop] = True
        np.testing.assert_array_equal(line.reshape(60, 50).T, mask)


def test_compressed_counts_are_those_of_pycocotools():
    coco_mask = pytest.importorskip('pycocotools.mask', reason='pip install pycocotools')
    for mask in random_masks(20):
        encoded = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
        np.testing.assert_array_equal(segmentation_runs(encoded, SHAPE), mask_runs(mask))
        assert encoded['counts'].decode() == compressed(uncompressed(mask))


@pytest.mark.parametrize(
    'mask',
    [
        np.zeros(SHAPE, bool),
        np.ones(SHAPE, bool),
        np.eye(6, 9, dtype=bool),
        np.indices(SHAPE).sum(0) == 13,
        np.indices(SHAPE)[0] == 0,
        *random_masks(5) & random_masks(5, seed=1),
    ],
    ids=str,
)
def test_boxes_of_masks(mask):
    (box,) = rle_boxes([mask_runs(mask)], SHAPE)
    rows, columns = np.nonzero(mask)
    expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] if len(rows) else [0, 0, 0, 0]
    assert box.tolist() == expected


@pytest.mark.filterwarnings('ignore:__array__ implementation:DeprecationWarning')
def test_polygons_cover_the_pixels_of_coco():
    coco_mask = pytest.importorskip('pycocotools.mask', reason='pip install pycocotools')
    square, triangle = [1, 1, 4, 1, 4, 3, 1, 3], [5, 0, 9, 0, 9, 6]
    mask = np.zeros(SHAPE, bool)
    mask[1:3, 1:4] = True
    np.testing.assert_array_equal(segmentation_runs([square], SHAPE), mask_runs(mask))
    for row in range(6):  # the triangle is to the right of its slanting side, x = 5 + 2 / 3 * y
        mask[row, [column for column in range(9) if column + 0.5 > 5 + (row + 0.5) * 2 / 3]] = True
    runs = segmentation_runs([square, triangle], SHAPE)
    expected = coco_mask.decode(coco_mask.frPyObjects([square, triangle], *SHAPE)).any(-1)
    np.testing.assert_array_equal(runs, mask_runs(expected))
    assert (expected != mask).sum() <= 2  # COCO rounds corners to a grid, so the pixels of an edge may differ
    assert segmentation_runs([], SHAPE).tolist() == []


def test_polygons_without_pycocotools_name_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pycocotools', None)
    with pytest.raises(ImportError, match='Polygons of COCO need pycocotools .*pip install "mmwsl.coco."'):
        segmentation_runs([[1, 1, 4, 1, 4, 3]], SHAPE)
    assert segmentation_runs(dict(size=[6, 9], counts=[54]), SHAPE).tolist() == []
