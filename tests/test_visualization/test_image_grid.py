"""Image grids and colored masks."""

import numpy as np
import pytest

from mmwsl.visualization.image_grid import GAP, HEADER, colorize_mask, image_grid


def test_every_class_has_its_color_and_ignored_pixels_are_white():
    colored = colorize_mask(np.array([[0, 1], [1, 255]]), [[0, 0, 0], [10, 20, 30]])
    assert colored.tolist() == [[[0, 0, 0], [10, 20, 30]], [[10, 20, 30], [255, 255, 255]]]


def test_the_grid_has_a_column_per_kind_and_a_row_per_image():
    red, blue = (np.broadcast_to(np.array(color, np.uint8), (4, 8, 3)) for color in ([255, 0, 0], [0, 0, 255]))
    grid = np.asarray(image_grid({'input': [red, blue], 'truth': [blue, blue], 'raw': [red, red]}, tile=16))
    step = 16 + GAP
    assert grid.shape == (HEADER + 2 * step, GAP + 3 * step, 3)
    centers = [
        [grid[HEADER + 4 + step * row, GAP + 8 + step * column].tolist() for column in range(3)] for row in range(2)
    ]
    r, b = [255, 0, 0], [0, 0, 255]
    assert centers == [[r, b, r], [b, b, r]]
    below = grid[HEADER + 8 : HEADER + 16, GAP : GAP + 16]
    assert (below == 255).all(), 'a wide image keeps its aspect ratio'


def test_unequal_columns_raise_an_error():
    image = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(ValueError, match=r"`columns` must have equal lengths, got .*'truth': 0"):
        image_grid({'input': [image], 'truth': []})


def test_a_long_title_stays_above_its_column():
    image = np.zeros((8, 8, 3), np.uint8)
    grid = np.asarray(image_grid({'psl_deeplabv3plus_voc6_round2': [image], ' ': [image]}))[:HEADER]
    assert (grid[:, GAP : GAP + 144] < 255).any() and (grid[:, GAP + 144 :] == 255).all()
