"""Reader of the scores of an image, as ``mmwsl predict --scores`` and pseudo-labels store them."""

from pathlib import Path

import numpy as np

from mmwsl.utils.arrays import load_npz

KINDS = dict(classes=('int16', 1), codes=('uint8', 3), num_classes=('int16', 0))


def expand_codes(classes: np.ndarray, codes: np.ndarray, num_classes: np.ndarray) -> np.ndarray:
    """Expand the codes of the stored classes to all classes: ``(K, H, W)`` uint8, 0 for dropped classes.

    Args:
        classes: Ids of the stored classes, ``(n,)``.
        codes: Scores of these classes in 8 bits, see :func:`mmwsl.functional.quantize_scores`, ``(n, H, W)``.
        num_classes: K.
    """
    full = np.zeros((int(num_classes), *codes.shape[1:]), np.uint8)
    full[classes] = codes
    return full


def read_codes(path: Path) -> np.ndarray:
    """Read the quantized scores of all classes, ``(K, H, W)`` uint8.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is damaged or is no file of scores.
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
