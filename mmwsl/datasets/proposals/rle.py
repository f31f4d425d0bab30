"""Masks as runs of pixels, and the encodings of COCO.

A mask is held as the ``(k, 2)`` starts and stops of its runs, where pixels are counted down the columns as COCO does:
the pixel in row i and column j has the number ``j * H + i``.
"""

import numpy as np
from numpy.typing import ArrayLike
from skimage.draw import polygon2mask


def mask_runs(mask: np.ndarray) -> np.ndarray:
    """Return the runs ``(k, 2)`` of a mask ``(H, W)`` bool."""
    line = np.concatenate([[False], mask.T.reshape(-1), [False]])
    return np.flatnonzero(line[1:] != line[:-1]).reshape(-1, 2)


def mask_boxes(runs: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Return the bounding boxes ``(n, 4)``, half open ``(x1, y1, x2, y2)``; zeros for an empty mask."""
    boxes = np.zeros((len(runs), 4))
    for box, mask in zip(boxes, runs, strict=True):
        if len(mask):
            columns, tops = np.divmod(mask[:, 0], shape[0])
            last_columns, bottoms = np.divmod(mask[:, 1] - 1, shape[0])
            if (columns < last_columns).any():  # a run through the end of a column touches both its top and bottom
                tops, bottoms = np.zeros(1), np.full(1, shape[0] - 1)
            box[:] = columns[0], tops.min(), last_columns[-1] + 1, bottoms.max() + 1
    return boxes


def count_runs(counts: ArrayLike, pixels: int) -> np.ndarray:
    """Turn COCO's uncompressed counts into runs.

    Args:
        counts: Lengths of the runs, beginning with pixels outside the mask, then inside, in turns.
        pixels: Number of pixels of the image, which the counts must add up to.

    Raises:
        ValueError: The counts are negative, not whole numbers, or do not add up.
    """
    lengths = np.asarray(counts)
    if lengths.ndim != 1 or lengths.dtype.kind not in 'iu' or (lengths < 0).any() or lengths.sum() != pixels:
        raise ValueError(
            f'the counts of a run-length encoding must be whole numbers that add up to the {pixels} '
            f'pixels of the image, got {_shorten(counts)} (sum {lengths.sum() if lengths.size else 0})'
        )
    stops = lengths.astype(np.int64).cumsum()
    # odd places are inside; an odd number of counts ends outside, so every start has its stop
    runs = np.stack([stops[:-1:2], stops[1::2]], axis=1)
    return runs[runs[:, 0] < runs[:, 1]]


def decode_counts(text: str | bytes) -> np.ndarray:
    """Decode COCO's compressed counts.

    Each count is a whole number in groups of five bits, the lowest group first, one character each: the character's
    code less 48 holds the group in bits 0 to 4 and in bit 5 whether more groups follow. Bit 4 of the last group is the
    sign. From the fourth count on, the number is the difference to the count two before.

    Args:
        text: The string ``counts`` of a segmentation.

    Returns:
        The uncompressed counts, ``(m,)`` int64.

    Raises:
        ValueError: A character is outside the code, or a count has no end.
    """
    groups = np.frombuffer(text.encode() if isinstance(text, str) else text, dtype=np.uint8).astype(np.int64) - 48
    if len(groups) and not 0 <= groups.min() <= groups.max() < 64:
        raise ValueError(
            f'the counts of a compressed run-length encoding must be characters from "0" to "o", got {_shorten(text)}'
        )
    ends = np.flatnonzero(groups < 32)
    if (ends[-1] + 1 if len(ends) else 0) != len(groups) or np.diff(ends, prepend=-1).max(initial=0) > 12:
        raise ValueError(f'the counts of a compressed run-length encoding are cut off or too long: {_shorten(text)}')
    if not len(ends):
        return np.zeros(0, dtype=np.int64)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    places = np.arange(len(groups)) - np.repeat(starts, lengths)
    counts = np.add.reduceat((groups & 31) << (5 * places), starts)
    counts -= np.where(groups[ends] & 16, 1 << (5 * lengths), 0)
    counts[1::2] = counts[1::2].cumsum()
    counts[2::2] = counts[2::2].cumsum()
    return counts


def segmentation_runs(segmentation: dict | list, shape: tuple[int, int]) -> np.ndarray:
    """Return the runs of a COCO segmentation: run-length encoding, compressed or not, or polygons.

    A polygon covers the pixels whose center lies inside.

    Args:
        segmentation: ``dict(size=[H, W], counts=...)``, or a list of polygons ``[x1, y1, x2, y2, ...]``.
        shape: Height and width of the image.

    Raises:
        ValueError: The encoding is broken, or of an image of another size.
    """
    if isinstance(segmentation, dict):
        if 'counts' not in segmentation or segmentation.get('size') not in (list(shape), tuple(shape)):
            raise ValueError(
                f'a run-length encoding must have `counts` and the `size` {list(shape)} of the image '
                f'(height, width), got the size {segmentation.get("size")}'
            )
        counts = segmentation['counts']
        return count_runs(decode_counts(counts) if isinstance(counts, str | bytes) else counts, shape[0] * shape[1])
    mask = np.zeros(shape, dtype=bool)
    for outline in segmentation:
        corners = np.asarray(outline, dtype=np.float64)
        if corners.ndim != 1 or len(corners) < 6 or len(corners) % 2:
            raise ValueError(
                f'a polygon must be a list x1, y1, x2, y2, ... of at least three corners, got {_shorten(outline)}'
            )
        # corners are in pixels from the upper left corner of the image, skimage's from the first pixel's center
        mask |= polygon2mask(shape, corners.reshape(-1, 2)[:, ::-1] - 0.5)
    return mask_runs(mask)


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f'{text[:57]}...'
