"""Polygons of masks, filled by two rasterizers."""

import cv2
import numpy as np
import pytest
from skimage.measure import label, points_in_poly

from mmwsl.annotations.outlines import mask_polygons


def fill(polygons, shape):
    """Fill polygons by their pixel centers, and by OpenCV's rule for rounded corners."""
    rows, columns = np.indices(shape) + 0.5
    centers = np.stack([columns.reshape(-1), rows.reshape(-1)], axis=1)
    by_center, drawn = np.zeros(shape, int), np.zeros(shape, int)
    for polygon in polygons:
        by_center += points_in_poly(centers, polygon).reshape(shape)
        one = np.zeros(shape, np.uint8)
        cv2.fillPoly(one, [polygon.astype(np.int32)], 1)
        drawn += one
    return by_center, drawn


RING = np.pad(np.pad(np.zeros((2, 3), bool), 2, constant_values=True), 1)
NESTED = np.pad(RING, 2, constant_values=True)
CHECKS = np.indices((5, 6)).sum(0) % 2 == 0


@pytest.mark.parametrize(
    'mask',
    [
        np.ones((1, 1), bool),
        np.ones((4, 7), bool),
        RING,
        NESTED,
        CHECKS,
        ~CHECKS,
        np.pad(CHECKS, 1, constant_values=True),
        np.eye(5, dtype=bool),
        *(np.random.default_rng(0).random((10, 15, 20)) < np.linspace(0.1, 0.95, 10)[:, None, None]),
    ],
    ids=str,
)
def test_filled_polygons_are_the_mask(mask):
    polygons = mask_polygons(mask)
    for filled in fill(polygons, mask.shape):
        np.testing.assert_array_equal(filled, mask)  # each pixel is in one polygon only
    assert len(polygons) == label(mask, connectivity=1).max()


def test_empty_mask_has_no_polygon():
    assert mask_polygons(np.zeros((3, 4), bool)) == []


def test_corners_by_hand():
    mask = np.zeros((4, 5), bool)
    mask[1:3, 1:4] = True
    (polygon,) = mask_polygons(mask)
    assert len(polygon) == 4
    np.testing.assert_allclose(sorted(map(tuple, polygon)), [(1, 1), (1, 3), (4, 1), (4, 3)], atol=0.1)
