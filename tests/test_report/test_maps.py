"""Maps of an image: codes, counts, masks."""

import base64
import io
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from mmwsl.functional import class_thresholds
from mmwsl.functional.quantization import DEQUANTIZED, quantize_threshold
from mmwsl.report.maps import count_areas, encode_mask, mean_iou, pack_codes, subsample, winner_histograms

from .conftest import PALETTE, smooth_codes


def unpack(packed):
    """Undo :func:`pack_codes`."""
    shape = (len(packed['classes']), packed['height'], packed['width'])
    differences = np.frombuffer(zlib.decompress(base64.b64decode(packed['data'])), np.uint8).reshape(shape)
    return differences.cumsum(2, dtype=np.uint8)


@pytest.mark.parametrize('size, side', [((60, 90), 160), ((60, 90), 32), ((7, 500), 160), ((1, 1), 10)])
def test_packed_codes_are_codes_of_existing_pixels(size, side):
    codes = smooth_codes(np.random.default_rng(0), size)
    codes[2] = 0
    packed = pack_codes(codes, side)
    small = subsample(codes, side)
    assert max(small.shape[1:]) == min(side, max(size))
    assert packed['classes'] == [k for k in (1, 2, 3) if small[k].any()]
    np.testing.assert_array_equal(unpack(packed), small[packed['classes']])
    columns = {tuple(column) for column in codes.reshape(4, -1).T}
    assert {tuple(column) for column in small.reshape(4, -1).T} <= columns


def test_subsampling_takes_the_nearest_pixel_center():
    np.testing.assert_array_equal(subsample(np.arange(9)[None], 3), [[1, 4, 7]])
    np.testing.assert_array_equal(subsample(np.arange(3)[None], 9), [[0, 1, 2]])


@pytest.mark.parametrize('thresholds', [[0.3, 0.25, 0.5], [0.0, 0.0, 0.0], [1.0, 0.999, 0.001]])
def test_histograms_count_the_pixels_of_the_rule(thresholds):
    codes = smooth_codes(np.random.default_rng(1))
    scores = torch.from_numpy(DEQUANTIZED[codes])
    mask = class_thresholds(scores, torch.tensor(thresholds, dtype=torch.float64)).argmax(0)
    # Equal scores: the rule wants s > threshold, and argmax takes the background at equality as well.
    histograms = winner_histograms(codes)
    for k in (1, 2, 3):
        counted = sum(histograms.get(k, [0] * 256)[quantize_threshold(thresholds[k - 1]) :])
        assert counted == int((mask == k).sum())
        assert histograms.get(k, [0])[0] == 0
    assert winner_histograms(np.zeros((4, 3, 3), np.uint8)) == {}


def test_areas_and_iou():
    mask = np.array([[0, 1, 1, 255]], np.uint8)
    ground_truth = np.array([[0, 1, 2, 2]], np.uint8)
    assert count_areas(mask) == {0: 1, 1: 2, 255: 1}
    assert mean_iou(mask, ground_truth) == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert mean_iou(mask, ground_truth.T) is None
    assert mean_iou(np.full_like(mask, 255), ground_truth) is None
    assert mean_iou(ground_truth, ground_truth) == 1


def test_masks_are_drawn_with_the_palette_over_nothing():
    mask = np.array([[0, 1, 3, 255, 77]], np.uint8)
    with Image.open(io.BytesIO(encode_mask(mask, PALETTE, 100))) as file:
        pixels = np.asarray(file.convert('RGBA'))[0]
    assert pixels[0, 3] == 0
    np.testing.assert_array_equal(pixels[1:3], [[*PALETTE[1], 255], [*PALETTE[3], 255]])
    np.testing.assert_array_equal(pixels[3], pixels[4])  # an index without a class looks ignored
    assert pixels[3, 3] == 255 and pixels[3].tolist() not in [[*color, 255] for color in PALETTE]
