"""Image grids and colored masks."""

import numpy as np
import pytest

from mmwsl.visualization.image_grid import GAP, colorize_mask, image_grid

HEADER = 22


def test_every_class_has_its_color_and_ignored_pixels_are_white():
    colored = colorize_mask(np.array([[0, 1], [1, 255]]), [[0, 0, 0], [10, 20, 30]])
    assert colored.tolist() == [[[0, 0, 0], [10, 20, 30]], [[10, 20, 30], [255, 255, 255]]]


def test_the_grid_has_a_column_per_kind_and_a_row_per_image():
    red, blue = (np.broadcast_to(np.array(color, np.uint8), (4, 8, 3)) for color in ([255, 0, 0], [0, 0, 255]))
    tall = np.full((8, 4, 3), (0, 255, 0), np.uint8)
    grid = np.asarray(image_grid({'input': [red, blue], 'truth': [blue, tall], 'raw': [red, red]}, tile=16))
    step = 16 + GAP
    # A row is as high as its tallest image; images keep their aspect ratio.
    assert grid.shape == (HEADER + 8 + GAP + 16 + GAP, GAP + 3 * step, 3)
    centers = [
        [grid[top + 4, GAP + 4 + step * column].tolist() for column in range(3)] for top in (HEADER, HEADER + 14)
    ]
    r, b, g = [255, 0, 0], [0, 0, 255], [0, 255, 0]
    assert centers == [[r, b, r], [b, g, r]]
    assert (grid[HEADER + 8 : HEADER + 14] == 255).all() and (grid[HEADER + 22 :, GAP : GAP + 16] == 255).all()
    assert (grid[HEADER + 14 : HEADER + 30, GAP + step : GAP + step + 8] == g).all()


def test_unequal_columns_raise_an_error():
    image = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(ValueError, match=r"`columns` must have equal lengths, got .*'truth': 0"):
        image_grid({'input': [image], 'truth': []})


def test_a_long_title_stays_above_its_column():
    image = np.zeros((8, 8, 3), np.uint8)
    grid = np.asarray(image_grid({'psl_deeplabv3plus_voc6_round2': [image], ' ': [image]}))[:HEADER]
    assert (grid[:, GAP : GAP + 144] < 255).any() and (grid[:, GAP + 144 :] == 255).all()
