"""Files of scores and masks, each written atomically."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from mmwsl.functional import quantize_scores
from mmwsl.utils.files import atomic_write

IGNORE_INDEX = 255
IGNORE_COLOR = (224, 224, 192)
"""Color of ignored pixels in the masks of VOC."""
MIN_SCORE = 0.01


def compress_scores(scores: Tensor, min_score: float = MIN_SCORE) -> dict[str, np.ndarray]:
    """Quantize the scores of an image to 8 bits, and drop classes that no threshold can select.

    The background is kept, every class that is the argmax of a pixel, and every class that reaches ``min_score``.

    Args:
        scores: Scores in [0, 1], ``(K, H, W)``.
        min_score: Smallest threshold that will be applied, in [0, 1].

    Returns:
        ``classes (n,)`` int16 ascending; ``codes (n, H, W)`` uint8, see :func:`mmwsl.functional.quantize_scores`;
        ``num_classes``, K.
    """
    codes = quantize_scores(scores)
    kept = scores.flatten(1).amax(1) >= min_score
    kept[codes.argmax(0).unique()] = True
    kept[0] = True
    return dict(
        classes=kept.nonzero()[:, 0].cpu().numpy().astype(np.int16),
        codes=codes[kept].cpu().numpy(),
        num_classes=np.asarray(len(scores), np.int16),
    )


def expand_codes(classes: np.ndarray, codes: np.ndarray, num_classes: np.ndarray) -> np.ndarray:
    """Expand the result of :func:`compress_scores` to all classes: ``(K, H, W)`` uint8, 0 for dropped classes."""
    full = np.zeros((int(num_classes), *codes.shape[1:]), np.uint8)
    full[classes] = codes
    return full


def write_scores(path: Path, scores: Tensor, min_score: float = MIN_SCORE) -> None:
    """Write the scores of an image, see :func:`compress_scores`, to a compressed ``.npz`` file."""
    content: dict[str, Any] = compress_scores(scores, min_score)
    with atomic_write(path) as file:
        np.savez_compressed(file, **content)


def read_codes(path: Path) -> np.ndarray:
    """Read the quantized scores of all classes, ``(K, H, W)`` uint8."""
    with np.load(path) as content:
        return expand_codes(**content)


def write_mask(path: Path, mask: np.ndarray, palette: Sequence[Sequence[int]]) -> None:
    """Write a mask ``(H, W)`` uint8 as a PNG file with a palette."""
    image = Image.fromarray(mask)
    colors = np.zeros((256, 3), np.uint8)
    colors[: len(palette)] = palette
    colors[IGNORE_INDEX] = IGNORE_COLOR
    image.putpalette(colors.tobytes())
    with atomic_write(path) as file:
        image.save(file, 'PNG')


def read_mask(path: Path) -> np.ndarray:
    """Read a mask, ``(H, W)`` uint8."""
    with Image.open(path) as file:
        return np.array(file)
