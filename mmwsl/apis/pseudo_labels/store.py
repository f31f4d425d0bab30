"""Files of scores, each written atomically."""

from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from mmwsl.annotations.score_file import expand_codes, read_codes
from mmwsl.functional import quantize_scores
from mmwsl.utils.files import atomic_write

__all__ = ['MIN_SCORE', 'compress_scores', 'expand_codes', 'read_codes', 'write_scores']

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


def write_scores(path: Path, scores: Tensor, min_score: float = MIN_SCORE) -> None:
    """Write the scores of an image, see :func:`compress_scores`, to a compressed ``.npz`` file."""
    content: dict[str, Any] = compress_scores(scores, min_score)
    with atomic_write(path) as file:
        np.savez_compressed(file, **content)
