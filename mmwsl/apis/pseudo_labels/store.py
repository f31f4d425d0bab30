"""Files of scores, each written atomically."""

from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from mmwsl.functional import quantize_scores
from mmwsl.utils.arrays import load_npz
from mmwsl.utils.files import atomic_write

MIN_SCORE = 0.01
KINDS = dict(classes=('int16', 1), codes=('uint8', 3), num_classes=('int16', 0))


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
    """Read the quantized scores of all classes, ``(K, H, W)`` uint8.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is damaged or was not written by :func:`write_scores`.
    """
    content = load_npz(path, ('classes', 'codes', 'num_classes'), 'file of scores')
    kinds = {name: (array.dtype.name, array.ndim) for name, array in content.items()}
    if kinds != KINDS or not _fit(**content):
        raise ValueError(
            f'{path}: scores must be classes (n,), codes (n, H, W) and num_classes, got '
            f'{ {name: array.shape for name, array in content.items()} }. Delete the file and write it anew.'
        )
    return expand_codes(**content)


def _fit(classes: np.ndarray, codes: np.ndarray, num_classes: np.ndarray) -> bool:
    return len(classes) == len(codes) and bool(((classes >= 0) & (classes < num_classes)).all())
