"""Meta information of data samples."""

from collections.abc import Mapping
from typing import Any


def image_padding(meta: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Return the padding of an image: left, right, top, bottom in pixels.

    mmseg's preprocessor writes ``img_padding_size`` in testing and ``padding_size`` in training.
    """
    left, right, top, bottom = meta.get('img_padding_size', meta.get('padding_size', (0, 0, 0, 0)))
    return left, right, top, bottom
