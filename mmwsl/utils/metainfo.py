"""Meta information of data samples."""

from collections.abc import Mapping, Sequence
from typing import Any


def image_padding(meta: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Return the padding of an image: left, right, top, bottom in pixels.

    mmseg's preprocessor writes ``img_padding_size`` in testing and ``padding_size`` in training.
    """
    left, right, top, bottom = meta.get('img_padding_size', meta.get('padding_size', (0, 0, 0, 0)))
    return left, right, top, bottom


def image_area(meta: Mapping[str, Any], size: Sequence[int]) -> tuple[slice, slice]:
    """Return the rows and columns of padded inputs of a height and width that belong to the image."""
    left, right, top, bottom = image_padding(meta)
    return slice(top, size[0] - bottom), slice(left, size[1] - right)


def flipped_dims(meta: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the dimensions of maps ``(..., H, W)`` that the view of an image is flipped along."""
    dims = dict(horizontal=(-1,), vertical=(-2,), diagonal=(-2, -1))
    return dims[meta['flip_direction']] if meta.get('flip') else ()
