"""Files of scores, each written atomically; :mod:`mmwsl.annotations.score_file` reads them."""

from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from mmwsl.functional import quantize_scores
from mmwsl.utils.files import atomic_write

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
    codes = quantize_scores(scores).cpu()  # the one large copy from a GPU
    kept = (scores.flatten(1).amax(1) >= min_score).cpu()
    kept[codes.argmax(0).unique()] = True
    kept[0] = True
    return dict(
        classes=kept.nonzero()[:, 0].numpy().astype(np.int16),
        codes=codes[kept].numpy(),
        num_classes=np.asarray(len(scores), np.int16),
    )


def write_scores(path: Path, scores: Tensor, min_score: float = MIN_SCORE, name: str = '') -> None:
    """Write the scores of an image, see :func:`compress_scores`, to a compressed ``.npz`` file.

    Args:
        path: The file.
        scores: See :func:`compress_scores`.
        min_score: See :func:`compress_scores`.
        name: Last parts of the path without suffix, which tie the file to its image: a copy with another name is not
            read. The name of the file by default.
    """
    content: dict[str, Any] = dict(compress_scores(scores, min_score), image=np.asarray(name or path.stem))
    with atomic_write(path) as file:
        np.savez_compressed(file, **content)
