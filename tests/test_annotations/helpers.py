"""Masks and their run-length encodings, made without the code under test."""

import numpy as np

SHAPE = (6, 9)
SUPERPIXELS = np.arange(1, 7).repeat(9).reshape(SHAPE)
LABELS = np.empty((2, 1), object)
LABELS[:, 0] = [np.array([[1, 2]]), np.array([[4]])]


def random_masks(count=3, seed=0):
    return np.random.default_rng(seed).random((count, *SHAPE)) < 0.5


def uncompressed(mask):
    """COCO's counts, pixel by pixel."""
    counts, inside = [0], False
    for pixel in mask.T.reshape(-1).tolist():
        if pixel != inside:
            counts.append(0)
            inside = pixel
        counts[-1] += 1
    return counts
