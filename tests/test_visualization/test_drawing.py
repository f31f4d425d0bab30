"""Masks over images, legends and panels, compared with colors worked out by hand."""

import numpy as np
import pytest

from mmwsl.visualization import draw_legend, overlay_mask, side_by_side
from mmwsl.visualization.drawing import HATCH_PERIOD, hatch

PALETTE = [[0, 0, 0], [200, 0, 0], [0, 0, 100]]


def test_background_is_transparent_classes_are_blended_and_ignored_pixels_marked():
    image = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    mask = np.zeros((16, 24), np.uint8)
    mask[:4, :6], mask[8:, 12:], mask[8:, :12] = 1, 2, 255
    before = image.copy()
    drawing = overlay_mask(image, mask, PALETTE, alpha=0.25)
    assert (image == before).all() and drawing.dtype == np.uint8
    assert (drawing[mask == 0] == image[mask == 0]).all()
    for label in (1, 2):
        expected = 0.75 * image[mask == label] + 0.25 * np.array(PALETTE[label])
        assert abs(drawing[mask == label] - expected).max() <= 0.5
    marked = drawing[mask == 255].astype(int) - image[mask == 255]
    assert (marked.max(1) > 0).any() and (marked.min(1) < 0).any()  # light stripes, dark between them


@pytest.mark.parametrize('color', [0, 128, 255])
def test_hatching_is_visible_on_every_color(color):
    pixels = hatch(np.full((HATCH_PERIOD, HATCH_PERIOD, 3), color, np.uint8))
    assert int(pixels.max()) - int(pixels.min()) > 60


def test_another_ignore_index_and_labels_beyond_the_palette():
    image = np.full((8, 8, 3), 100, np.uint8)
    mask = np.full((8, 8), 2, np.uint8)
    assert (overlay_mask(image, mask, PALETTE, ignore_index=2) == hatch(image)).all()
    assert (overlay_mask(image, mask, PALETTE[:2], alpha=1) == 255).all()


def test_a_mask_of_another_size_is_an_error():
    with pytest.raises(ValueError, match=r'`mask` must have the size \(4, 5\) of `image`, got \(5, 4\)'):
        overlay_mask(np.zeros((4, 5, 3), np.uint8), np.zeros((5, 4), np.uint8), PALETTE)


def colors_of(drawing):
    """Return how many pixels of a drawing have each color."""
    colors, counts = np.unique(np.asarray(drawing).reshape(-1, 3), axis=0, return_counts=True)
    return {tuple(color): count for color, count in zip(colors.tolist(), counts.tolist(), strict=True)}


def test_a_legend_shows_every_color_and_wraps_instead_of_cutting():
    names, colors = ['cat', 'dog', 'sheep'], [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
    wide, narrow = draw_legend(names, colors, 400, 12), draw_legend(names, colors, 60, 12)
    assert (wide.width, narrow.width) == (400, 60) and narrow.height == 3 * wide.height
    for legend in (wide, narrow):
        assert {colors_of(legend)[color] for color in colors} == {colors_of(wide)[colors[0]]}
        assert (np.asarray(legend)[:, -3:] == 255).all()  # nothing reaches the edge
    assert draw_legend([], [], 50).height == 1


def test_a_name_wider_than_the_legend_is_cut_within_it():
    legend = np.asarray(draw_legend(['a very long name ' * 10], [(200, 0, 0)], 120))
    assert (legend[:, -3:] == 255).all() and (legend[:, 80:-3] < 128).any()


def test_the_hatching_of_ignored_pixels_is_in_the_legend():
    assert len(colors_of(draw_legend([''], [None], 40))) > len(colors_of(draw_legend([''], [(9, 9, 9)], 40)))


def test_panels_stand_beside_each_other_above_the_legend():
    red, blue = (np.full((200, 300, 3), color, np.uint8) for color in ((200, 0, 0), (0, 0, 200)))
    drawing = side_by_side({'image': red, 'prediction': blue}, {'cat': (0, 200, 0)})
    pixels = np.asarray(drawing)
    counts = colors_of(drawing)
    assert counts[200, 0, 0] == counts[0, 0, 200] == 200 * 300  # the pixels of an image are not resampled
    columns = [np.flatnonzero((pixels == color).all(2).any(0)) for color in ((200, 0, 0), (0, 0, 200))]
    assert columns[0].max() < columns[1].min()
    green = np.flatnonzero((pixels == (0, 200, 0)).all(2).any(1))
    assert green.min() > np.flatnonzero((pixels == (200, 0, 0)).all(2).any(1)).max()
    captions = pixels[: np.flatnonzero((pixels == (200, 0, 0)).all(2).any(1)).min()]
    assert all((captions[:, column.min() : column.max()] < 128).any() for column in columns)


def test_small_images_are_enlarged_by_an_integer_and_large_ones_reduced():
    small = np.zeros((2, 4, 3), np.uint8)
    small[0, 0] = (200, 0, 0)
    assert colors_of(side_by_side({'image': small}, {}))[200, 0, 0] == 48**2
    assert side_by_side({'image': np.zeros((1000, 4000, 3), np.uint8)}, {}).width < 1300
