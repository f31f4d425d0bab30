"""Scores and masks of images on disk, each file whole or absent."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from mmwsl.functional import double_threshold, quantize_scores, quantize_threshold
from mmwsl.utils.files import atomic_write

UNDECIDED = 255
UNDECIDED_COLOR = (224, 224, 192)  # of VOC's own masks
MIN_SCORE = 0.01


def compress_scores(scores: Tensor, min_score: float = MIN_SCORE) -> dict[str, np.ndarray]:
    """Keep the plausible classes of an image, in 8 bits.

    Plausible are the background, the best class of any pixel, and every class that reaches ``min_score`` in one.

    Args:
        scores: Scores in [0, 1], ``(K, H, W)``.
        min_score: The bound, in [0, 1].

    Returns:
        ``classes (n,)`` int16 ascending; ``codes (n, H, W)`` uint8, see :func:`mmwsl.functional.quantize_scores`;
        ``num_classes``, K.
    """
    codes = quantize_scores(scores)
    plausible = scores.flatten(1).amax(1) >= min_score
    plausible[codes.argmax(0).unique()] = True
    plausible[0] = True
    return dict(
        classes=plausible.nonzero()[:, 0].cpu().numpy().astype(np.int16),
        codes=codes[plausible].cpu().numpy(),
        num_classes=np.int16(len(scores)),
    )


def expand_codes(classes: np.ndarray, codes: np.ndarray, num_classes: int) -> np.ndarray:
    """Undo the choice of :func:`compress_scores`: ``(K, H, W)`` uint8, 0 for the classes left out."""
    full = np.zeros((int(num_classes), *codes.shape[1:]), np.uint8)
    full[classes] = codes
    return full


def write_scores(path: Path, scores: Tensor, min_score: float = MIN_SCORE) -> None:
    """Write the scores of an image, see :func:`compress_scores`, to a compressed ``.npz`` file."""
    with atomic_write(path) as file:
        np.savez_compressed(file, **compress_scores(scores, min_score))


def read_codes(path: Path) -> np.ndarray:
    """Read the codes of all classes, ``(K, H, W)`` uint8."""
    with np.load(path) as content:
        return expand_codes(**content)


def label_pixels(codes: np.ndarray, low: float | None = None, high: float | None = None) -> np.ndarray:
    """Label pixels by their codes, ``(K, H, W)`` to ``(H, W)`` uint8.

    Args:
        codes: Codes of the scores.
        low: Threshold of :func:`mmwsl.functional.double_threshold`.
        high: Threshold, or None with ``low`` None: the best class, background included.
    """
    if high is None:
        return codes.argmax(0).astype(np.uint8)
    return double_threshold(codes, quantize_threshold(low) - 1, quantize_threshold(high) - 1, UNDECIDED)


def write_mask(path: Path, labels: np.ndarray, palette: Sequence[Sequence[int]]) -> None:
    """Write labels as a palette PNG; 255, undecided, has the color of VOC's void."""
    image = Image.fromarray(labels)
    colors = np.zeros((256, 3), np.uint8)
    colors[: len(palette)] = palette
    colors[UNDECIDED] = UNDECIDED_COLOR
    image.putpalette(colors.tobytes())
    with atomic_write(path) as file:
        image.save(file, 'PNG')
