"""Reader of the scores that ``generate-pseudo-labels`` writes."""

from pathlib import Path, PurePath

import numpy as np

from mmwsl.utils.arrays import MAX_BYTES, load_npz
from mmwsl.utils.text import shorten

KINDS = dict(classes=('int16', 1), codes=('uint8', 3), num_classes=('int16', 0))


def expand_codes(classes: np.ndarray, codes: np.ndarray, num_classes: np.ndarray) -> np.ndarray:
    """Expand the stored classes to all K: ``(K, H, W)`` uint8, 0 for dropped classes.

    This inverts :func:`mmwsl.apis.pseudo_labels.store.compress_scores`.
    """
    full = np.zeros((int(num_classes), *codes.shape[1:]), np.uint8)
    full[classes] = codes
    return full


def read_codes(path: Path) -> np.ndarray:
    """Read the quantized scores of all classes, ``(K, H, W)`` uint8.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is damaged, was not written by :func:`mmwsl.apis.pseudo_labels.store.write_scores`, or is of
            another image.
    """
    content = load_npz(path, ('classes', 'codes', 'num_classes', 'image'), 'file of scores')
    _check_image(path, content.pop('image', None))
    kinds = {name: (array.dtype.name, array.ndim) for name, array in content.items()}
    if kinds != KINDS or not _fit(**content):
        raise ValueError(
            f'{path}: scores must be classes (n,), codes (n, H, W) and num_classes, got '
            f'{ {name: array.shape for name, array in content.items()} }. Delete the file and write it anew.'
        )
    return expand_codes(**content)


def check_scores(path: Path) -> None:
    """Check that a file has scores of the image that it is named after; they are not decompressed.

    Raises:
        ValueError: If it has not.
    """
    content = load_npz(path, ('num_classes', 'image'), 'file of scores')
    if 'num_classes' not in content:
        raise ValueError(f'{path}: the file must have scores, got other arrays. Delete it and write it anew.')
    _check_image(path, content.get('image'))


def _check_image(path: Path, image: np.ndarray | None) -> None:
    """Check that the scores are of the image that the path ends with; older versions did not store it."""
    own = '' if image is None else str(image)
    count = len(PurePath(own).parts)
    if own and path.with_suffix('').parts[-count:] != PurePath(own).parts:
        raise ValueError(f'{path}: the scores are of another image, {shorten(own)}. Delete the file and write it anew.')


def _fit(classes: np.ndarray, codes: np.ndarray, num_classes: np.ndarray) -> bool:
    size = int(num_classes) * codes.shape[1] * codes.shape[2]
    known = bool(((classes >= 0) & (classes < num_classes)).all())
    return len(classes) == len(codes) and known and 0 <= size <= MAX_BYTES
